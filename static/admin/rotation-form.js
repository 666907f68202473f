// The form of a rotation schedule: only the fields that its type uses, the next turns as they
// will be, and buttons that put the videos in order. Without it the form works all the same.
const RULE = ["rotation_type", "day_of_week", "day_of_month", "time_of_day", "cron_expression"];
const control = (name) => document.getElementById(`id_${name}`);

function showUsed(type) {
  const used = new Set(type.dataset.used.split(" "));
  for (const name of RULE.slice(1)) {
    const line = document.querySelector(`.field-line.field-${name}`);
    if (line) line.hidden = !used.has(`${type.value}:${name}`);
  }
}

let latest = 0;

async function showTurns() {
  const panel = document.querySelector("[data-turns]");
  const content = panel.dataset.content || control("ar_content")?.value;
  if (!content) return;
  const number = ++latest;
  const query = new URLSearchParams(RULE.map((name) => [name, control(name).value]));
  query.set("content", content);
  const answer = await fetch(`${panel.dataset.url}?${query}`, { credentials: "same-origin" });
  // A later question has overtaken this one.
  if (!answer.ok || answer.redirected || number !== latest) return;
  const fresh = document.createElement("template");
  fresh.innerHTML = await answer.text();
  const next = fresh.content.firstElementChild;
  if (panel.innerHTML !== next.innerHTML) panel.replaceChildren(...next.childNodes);
}

const boxes = (list) => [...list.querySelectorAll("select")];

function write(list, values) {
  for (const [number, box] of boxes(list).entries()) box.value = values[number] ?? "";
}

/** The values move, the boxes stay: so their numbers remain right. */
function move(list, from, direction) {
  const values = boxes(list).map(({ value }) => value);
  const [value] = values.splice(from, 1);
  const to = Math.min(Math.max(from + { up: -1, down: 1, out: 0 }[direction], 0), values.length);
  if (direction !== "out") values.splice(to, 0, value);
  write(list, values);
  list.children[to].querySelector(`[data-move=${direction}]`).focus();
  boxes(list)[to].dispatchEvent(new Event("change", { bubbles: true }));
}

function name(item, number) {
  for (const control of item.querySelectorAll("[data-name]")) {
    control.ariaLabel = control.dataset.name.replace("{}", number);
  }
}

function addTurn(list) {
  const item = list.lastElementChild.cloneNode(true);
  const box = item.querySelector("select");
  const number = list.children.length + 1;
  box.value = "";
  box.id = `${list.id}_${number}`;
  name(item, number);
  list.append(item);
  box.focus();
}

function enhance(list) {
  list.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-move]");
    if (!button) return;
    move(list, [...list.children].indexOf(button.closest("li")), button.dataset.move);
  });
  const more = document.querySelector(`[data-one-more="${list.id}"]`);
  more.addEventListener("click", () => addTurn(list));
  for (const button of [more, ...list.querySelectorAll("[data-move]")]) button.hidden = false;
}

addEventListener("DOMContentLoaded", () => {
  for (const list of document.querySelectorAll("[data-sequence]")) enhance(list);
  const type = control("rotation_type");
  // Who may only look has no form.
  if (!type) return;
  const update = () => {
    showUsed(type);
    showTurns().catch(() => {});
  };
  for (const name of RULE) control(name).addEventListener("change", update);
  update();
});
