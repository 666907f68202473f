// How things look, for a test that asks whether one sees where the focus is.
window.keyboard = (() => {
  const CLEAR = /(rgba\([^)]*, 0\)|transparent|oklch\([^)]*\/ 0\)|oklab\([^)]*\/ 0\))/;

  /** The element and what stands around it: a ring may be drawn there. */
  function around(element) {
    const near = [element];
    for (let above = element.parentElement; above && near.length < 4; above = above.parentElement) near.push(above);
    return [...near, element.nextElementSibling, element.previousElementSibling].filter(Boolean);
  }

  function isSeen(element) {
    const { width, height, top, bottom, left, right } = element.getBoundingClientRect();
    return width > 3 && height > 3 && bottom > 0 && top < innerHeight && right > 0 && left < innerWidth
      && element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  }

  /** What a ring is made of, of one element. */
  function ring(element) {
    for (const animation of element.getAnimations()) animation.finish();
    const style = getComputedStyle(element);
    const hasOutline = style.outlineStyle !== "none" && style.outlineWidth !== "0px" && !CLEAR.test(style.outlineColor);
    const outline = hasOutline ? `${style.outlineStyle} ${style.outlineWidth} ${style.outlineColor}` : "";
    const shadows = style.boxShadow.split(/,(?![^(]*\))/).filter((shadow) => !CLEAR.test(shadow)).join();
    return [outline, shadows, style.border, style.backgroundColor, style.clipPath].join(" | ");
  }

  const rings = (element) => around(element).map((one) => ({ one, ring: ring(one), seen: isSeen(one) }));

  /** Not a pixel of it is to be seen: it is outside, or something lies on all of it. */
  function isCovered(element) {
    const shown = around(element).find(isSeen);
    if (!shown) return true;
    const { left, top, width, height } = shown.getBoundingClientRect();
    const shares = [0.1, 0.5, 0.9];
    return !shares.some((x) => shares.some((y) => {
      const hit = document.elementFromPoint(left + x * width, top + y * height);
      return hit && (shown.contains(hit) || hit.contains(element));
    }));
  }

  const words = (element) => {
    const text = element.getAttribute("aria-label") || element.innerText || element.title || "";
    return `<${element.localName}${element.id && ` #${element.id}`}> ${text.trim().replace(/\s+/g, " ").slice(0, 40)}`;
  };

  let last = null;
  const numbers = new Map();
  const number = (element) => numbers.get(element) ?? numbers.set(element, numbers.size + 1).get(element);

  /** After each press: what has the focus, and what was wrong with it or with the stop before. */
  function stop() {
    const complaints = [];
    const element = document.activeElement;
    if (last && last.element !== element && last.element.isConnected) {
      const now = new Map(rings(last.element).map(({ one, ring }) => [one, ring]));
      const shows = last.rings.some(({ one, ring, seen }) => seen && now.has(one) && now.get(one) !== ring);
      if (!shows) complaints.push(`no sign of the focus: ${words(last.element)}`);
    }
    if (!element || element === document.body) {
      last = null;
      return { number: 0, words: "", complaints };
    }
    if (isCovered(element)) complaints.push(`out of sight: ${words(element)}`);
    last = { element, rings: rings(element) };
    return { number: number(element), words: words(element), complaints };
  }

  return { stop };
})();
