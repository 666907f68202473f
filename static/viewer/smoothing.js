/**
 * Calms the overlay when the phone is held still without letting it lag when it moves: a low-pass filter
 * whose cut-off rises with the speed of the corners (the 1€ filter of Casiez, Roussel and Vogel, CHI 2012).
 * One cut-off serves all four corners, so that smoothing never bends the picture. Pure: time is an argument.
 *
 * @typedef {import("./homography.js").Point} Point
 */

/** Hz at rest: steady, and still quick enough that a slow drift does not show. */
const REST_CUTOFF = 2.5;
/** Hz added per pixel per second beyond the speed that noise alone makes up. */
const SPEED_GAIN = 0.3;
const NOISE_SPEED = 10;
/** Hz, for the estimate of the speed itself. */
const SPEED_CUTOFF = 3;

/** Share of the newest value in an exponential average with the given cut-off. */
function share(cutoff, seconds) {
  const ratio = 2 * Math.PI * cutoff * seconds;
  return ratio / (ratio + 1);
}

export class CornerFilter {
  constructor() {
    this.reset();
  }

  reset() {
    /** @type {Point[] | null} */
    this.smooth = null;
    /** @type {Point[] | null} */
    this.raw = null;
    this.velocity = [];
    this.time = 0;
  }

  /**
   * @param {Point[]} corners in pixels
   * @param {number} now milliseconds, on any clock that moves forward
   * @returns {Point[]}
   */
  filter(corners, now) {
    const seconds = (now - this.time) / 1000;
    this.time = now;
    if (this.smooth === null || !(seconds > 0) || seconds > 0.5) {
      this.smooth = corners;
      this.raw = corners;
      this.velocity = corners.map(() => ({ x: 0, y: 0 }));
      return corners;
    }
    const keep = share(SPEED_CUTOFF, seconds);
    let speed = 0;
    this.velocity = this.velocity.map((velocity, n) => {
      const x = velocity.x + keep * ((corners[n].x - this.raw[n].x) / seconds - velocity.x);
      const y = velocity.y + keep * ((corners[n].y - this.raw[n].y) / seconds - velocity.y);
      speed = Math.max(speed, Math.hypot(x, y));
      return { x, y };
    });
    this.raw = corners;
    const weight = share(REST_CUTOFF + SPEED_GAIN * Math.max(0, speed - NOISE_SPEED), seconds);
    this.smooth = this.smooth.map((point, n) => ({
      x: point.x + weight * (corners[n].x - point.x),
      y: point.y + weight * (corners[n].y - point.y),
    }));
    return this.smooth;
  }
}
