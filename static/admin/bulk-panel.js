// Asks for an import's panel again until a worker has finished with it. While it goes on only the
// bar moves on and, in tenths, the sentence: a screen reader is not to be read the tables over.
const SECOND = 1000;

async function fetched(panel) {
  const answer = await fetch(panel.dataset.url + location.search, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) throw new Error("no panel");
  const fresh = document.createElement("template");
  fresh.innerHTML = await answer.text();
  return fresh.content.firstElementChild;
}

function tenth(status) {
  return Math.floor(Number(status.dataset.share) / 10);
}

function update(panel, next) {
  if (!("waiting" in next.dataset)) {
    panel.replaceWith(next);
    return;
  }
  const [bar, nextBar] = [panel, next].map((one) => one.querySelector("progress"));
  bar.max = nextBar.max;
  bar.value = nextBar.value;
  const [status, nextStatus] = [panel, next].map((one) => one.querySelector("[data-bulk-status]"));
  if (tenth(status) !== tenth(nextStatus) || status.firstElementChild.textContent !== nextStatus.firstElementChild.textContent) {
    status.replaceChildren(...nextStatus.childNodes);
    status.dataset.share = nextStatus.dataset.share;
  }
  watch(panel);
}

function watch(panel, seconds = 1) {
  if (!("waiting" in panel.dataset)) return;
  setTimeout(() => {
    fetched(panel).then(
      (next) => update(panel, next),
      () => watch(panel, 5),
    );
  }, seconds * SECOND);
}

addEventListener("DOMContentLoaded", () => {
  for (const panel of document.querySelectorAll("[data-bulk-panel]")) watch(panel);
});
