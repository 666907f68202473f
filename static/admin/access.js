// What the theme leaves to the mouse and the eye, for the keyboard and for screen readers.
const MOUSE_ONLY = ":is(a:not([href]), div, span)[x-on\\:click]";
const FOCUSABLE = "a[href], button, input, select, textarea, [tabindex]";

const names = document.getElementById("arv-icon-names").dataset;
const main = document.getElementById("main");
const content = document.getElementById("content");

/** Icons are written as words of a font: nobody wants to hear "dashboard Front page". */
function nameIcons() {
  for (const icon of document.querySelectorAll(".material-symbols-outlined")) {
    const control = icon.closest(`:is(${FOCUSABLE})`);
    if (!control) continue;
    const name = names[icon.textContent.trim()];
    if (control.textContent.trim() !== icon.textContent.trim() || control.title) icon.ariaHidden = "true";
    else if (name) control.ariaLabel = name;
  }
}

function press(event) {
  if (event.target !== event.currentTarget || !["Enter", " "].includes(event.key)) return;
  event.preventDefault();
  event.currentTarget.click();
}

function makeButtons() {
  for (const element of document.querySelectorAll(MOUSE_ONLY)) {
    // A backdrop has no words, and what holds a control needs none of its own.
    if (!element.textContent.trim() || element.querySelector(FOCUSABLE)) continue;
    element.role = "button";
    element.tabIndex = 0;
    element.addEventListener("keydown", press);
    const menu = element.parentElement.querySelector(":scope > nav");
    if (menu) makeMenuButton(element, menu);
  }
}

/** The menu stands before its button and lies on what comes before both: so the focus goes in. */
function makeMenuButton(button, menu) {
  let isOpen = false;
  button.ariaExpanded = "false";
  new ResizeObserver(() => {
    if (isOpen === menu.checkVisibility()) return;
    isOpen = !isOpen;
    button.ariaExpanded = String(isOpen);
    if (isOpen && document.activeElement === button) menu.querySelector(FOCUSABLE)?.focus();
  }).observe(menu);
  menu.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    button.click();
    button.focus();
  });
}

/** Select2 names its boxes after the value alone. */
function nameBoxes() {
  for (const box of document.querySelectorAll(".select2-selection[role=combobox]")) {
    const select = box.closest(".select2-container").previousElementSibling;
    const label = select?.labels?.[0];
    const value = box.querySelector(".select2-selection__rendered");
    if (!label || !value) continue;
    label.id ||= `${select.id}-label`;
    box.setAttribute("aria-labelledby", `${label.id} ${value.id}`);
    value.setAttribute("aria-labelledby", label.id);
  }
}

if (!document.querySelector("main")) main.role = "main";
document.querySelector(".arv-skip").addEventListener("click", (event) => {
  // Without the address's #: the theme takes that for the name of a tab.
  event.preventDefault();
  content.tabIndex = -1;
  content.focus();
});
makeButtons();
nameIcons();
// The boxes are made late, and of new rows later still.
nameBoxes();
new MutationObserver((changes) => {
  const added = changes.flatMap(({ addedNodes }) => [...addedNodes]);
  if (added.some((node) => node.classList?.contains("select2-container"))) nameBoxes();
}).observe(content, { childList: true, subtree: true });
