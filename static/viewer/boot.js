/**
 * The page's entry. Small, and loaded after the first screen, which needs none of it; the tracker follows
 * when the visitor is likely to want it.
 */

import { Page } from "./page.js";
import { Telemetry } from "./telemetry.js";

/** Milliseconds after which the tracker is fetched ahead: the first screen comes first. */
const PRELOAD_DELAY = 300;

function begin() {
  const config = JSON.parse(document.getElementById("viewer-config").textContent);
  if (config.video === null) {
    new Telemetry(config).start();
    return;
  }
  const page = new Page(config, document.getElementById("viewer"));
  page.listen();
  page.telemetry.start();
  if (config.markerUrl !== null && !navigator.connection?.saveData) {
    setTimeout(() => page.assets.preload(), PRELOAD_DELAY);
  }
}

// A page prepared ahead of a tap is no visit yet.
if (document.prerendering) document.addEventListener("prerenderingchange", begin, { once: true });
else begin();
