/**
 * How well the picture was recognised on this visit, as one word for the statistics. Pure.
 */

/** Milliseconds from the first look to the first sight. */
const GOOD_FIND = 3000;
const FAIR_FIND = 8000;
/** How often the picture was lost again, per minute in view. */
const GOOD_LOSSES_PER_MINUTE = 6;
const FAIR_LOSSES_PER_MINUTE = 15;

export class QualityMeter {
  constructor() {
    this.searching = null;
    this.findTime = null;
    this.tracked = 0;
    this.losses = 0;
    this.last = null;
    this.visible = false;
  }

  /**
   * One frame was looked at.
   * @param {boolean} visible the overlay was on the picture
   * @param {number} now milliseconds
   */
  look(visible, now) {
    if (this.searching === null) this.searching = now;
    if (visible && this.findTime === null) this.findTime = now - this.searching;
    if (visible && this.visible && this.last !== null) this.tracked += Math.min(now - this.last, 500);
    if (!visible && this.visible) this.losses += 1;
    this.visible = visible;
    this.last = now;
  }

  /** @returns {"good" | "fair" | "poor" | null} null while there is nothing to say */
  rating() {
    if (this.searching === null) return null;
    if (this.findTime === null) return this.last - this.searching > FAIR_FIND ? "poor" : null;
    // At least ten seconds, so that putting the phone away does not spoil a short visit.
    const perMinute = this.losses / Math.max(this.tracked / 60000, 1 / 6);
    if (this.findTime <= GOOD_FIND && perMinute <= GOOD_LOSSES_PER_MINUTE) return "good";
    if (this.findTime <= FAIR_FIND && perMinute <= FAIR_LOSSES_PER_MINUTE) return "fair";
    return "poor";
  }
}
