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
    const telemetry = new Telemetry(config);
    telemetry.start();
    tellNumber(telemetry);
    return;
  }
  const page = new Page(config, document.getElementById("viewer"));
  page.listen();
  page.telemetry.start();
  tellNumber(page.telemetry);
  if (config.markerUrl !== null && !navigator.connection?.saveData) {
    setTimeout(() => page.assets.preload(), PRELOAD_DELAY);
  }
}

/** The page of privacy shows the visit's number: whoever has it can have the visit erased. */
function tellNumber({ base, sessionId }) {
  if (base) document.getElementById("privacy").search = `visit=${sessionId}`;
}

// A page prepared ahead of a tap is no visit yet.
if (document.prerendering) document.addEventListener("prerenderingchange", begin, { once: true });
else begin();
