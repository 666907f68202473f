// Panels of what a worker is at: asked for again until it has finished. And, of a marker's panel,
// the map of feature points.
const SECOND = 1000;

async function refresh(panel) {
  const answer = await fetch(panel.dataset.url, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) return;
  const fresh = document.createElement("template");
  fresh.innerHTML = await answer.text();
  const next = fresh.content.firstElementChild;
  // The panel stays, so that a screen reader tells what changes in it.
  if (panel.innerHTML !== next.innerHTML) panel.replaceChildren(...next.childNodes);
  panel.toggleAttribute("data-waiting", "waiting" in next.dataset);
  watch(panel);
}

function watch(panel) {
  if (!("waiting" in panel.dataset)) return;
  const wait = SECOND * (Number(panel.dataset.every) || 1);
  setTimeout(() => refresh(panel).catch(() => setTimeout(() => watch(panel), 5 * SECOND)), wait);
}

addEventListener("DOMContentLoaded", () => {
  for (const panel of document.querySelectorAll("[data-live-panel]")) watch(panel);
});

// On the document: the button comes and goes with its panel.
addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-features]");
  if (!button) return;
  const map = button.closest("[data-live-panel]").querySelector(".arv-features");
  map.hidden = !map.hidden;
  button.setAttribute("aria-pressed", String(!map.hidden));
});
