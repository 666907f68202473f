/**
 * How long each stage may take before the page says something, offers a way around, or takes it.
 */

/** Milliseconds. Searching has no end: people walk up to the picture when they like. */
const LIMITS = {
  camera: { hint: 3000, offer: 8000, over: 40_000 },
  loading: { hint: 3000, offer: 8000, over: 15_000 },
  searching: { hint: 6000, offer: 14_000, over: null },
};

export class Patience {
  /** @param {(patience: "hint" | "offer" | "over") => void} onPatience */
  constructor(onPatience) {
    this.onPatience = onPatience;
    this.timers = [];
  }

  /** @param {keyof typeof LIMITS} stage ends the stage before it */
  begin(stage) {
    this.end();
    for (const [patience, delay] of Object.entries(LIMITS[stage])) {
      if (delay !== null) this.timers.push(setTimeout(() => this.onPatience(patience), delay));
    }
  }

  end() {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers = [];
  }
}
