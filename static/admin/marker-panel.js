// Asks for the marker panel again until a worker has finished with it.
const SECOND = 1000;

async function refresh(panel) {
  const answer = await fetch(panel.dataset.url, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) return;
  const fresh = document.createElement("template");
  fresh.innerHTML = await answer.text();
  const next = fresh.content.firstElementChild;
  panel.replaceWith(next);
  watch(next);
}

function watch(panel) {
  if (!("waiting" in panel.dataset)) return;
  setTimeout(() => refresh(panel).catch(() => setTimeout(() => watch(panel), 5 * SECOND)), SECOND);
}

addEventListener("DOMContentLoaded", () => {
  for (const panel of document.querySelectorAll("[data-marker-panel]")) watch(panel);
});
