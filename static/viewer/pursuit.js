/**
 * Finds the picture, follows it from frame to frame, and decides when to believe what it sees. Knows
 * nothing of cameras, GPUs or the page: the finder is given, time is an argument.
 *
 * A frame goes like this: predict where the corners are (constant velocity), look for the marker's templates
 * there, fit a homography robustly, check that it is sane; when that fails, search the whole frame.
 *
 * @typedef {import("./homography.js").Point} Point
 * @typedef {import("./homography.js").Homography} Homography
 * @typedef {import("./mindar.js").Pairs} Pairs
 * @typedef {{width: number, height: number}} Size
 *
 * @typedef {{corners: Point[], covariance: import("./fusion.js").Matrix}} Estimate
 *
 * @typedef {object} Finder
 * @property {(input: unknown, resolution: "full" | "half") => Promise<Pairs | null>} find
 * @property {(input: unknown, h: Homography) => Pairs} follow
 * @property {Point[]} templates centres of the marker's templates in picture pixels
 * @property {number} templateScale template pixels per picture pixel
 *
 * @typedef {object} Sighting
 * @property {Point[] | null} corners where to lay the overlay, in frame pixels; null: show nothing
 * @property {boolean} measured false while the position is only extrapolated
 */

import { add, drift, fuse, independent, uncertainty } from "./fusion.js";
import {
  fitHomography,
  fitRobust,
  isPlausibleQuadrilateral,
  largestDistance,
  project,
  projectRectangle,
  rectangle,
  signedArea,
} from "./homography.js";

/** Good frames in a row before the overlay is shown; a wrong match does not survive three. */
const CONFIRM = 3;
/** Frames without the picture for which a resting overlay waits; a moving one is given fewer. */
const PATIENCE_AT_REST = 4;
const PATIENCE_MOVING = 2;
/** Pixels per frame that count as moving. */
const MOVING = 3;
/** Pixels that the fit may correct the prediction by before it is worth a second look from there. */
const SECOND_LOOK = 1.5;
/** Standard deviation, in pixels, of corners that come from matched key points. */
const FIRST_SIGHT = 25;
/** A corner known no better than this, in pixels, is not worth showing a video on. */
const TOO_VAGUE = 8;
/** Half a template and a little, in template pixels: nearer to the frame's edge it is cut off. */
const TEMPLATE_MARGIN = 7;
/** Pixels that an unseen picture may be carried on by: a faster one is leaving, not hidden for a moment. */
const BLIND_STEP = 20;
/** Longest extrapolation in pixels. */
const LONGEST_STEP = 80;

export class Pursuit {
  /**
   * @param {{finder: Finder, picture: Size, frame: Size}} options
   */
  constructor({ finder, picture, frame }) {
    this.finder = finder;
    this.picture = picture;
    this.frame = frame;
    this.searches = 0;
    this.forget();
  }

  /** Back to searching, for instance when the camera's picture has turned. */
  forget() {
    /** @type {(Estimate & {velocity: Point[], time: number}) | null} velocity in pixels per millisecond */
    this.track = null;
    this.seen = 0;
    this.missed = 0;
    this.time = null;
  }

  /**
   * @param {unknown} input one frame, in the finder's own form
   * @param {number} now milliseconds
   * @returns {Promise<Sighting>}
   */
  async step(input, now) {
    const frameTime = this.time === null ? 33 : Math.min(Math.max(now - this.time, 4), 250);
    this.time = now;
    let fit = null;
    if (this.track !== null) {
      const { corners } = this.track;
      const predicted = this.predict(now);
      fit = this.follow(input, predicted);
      if (fit === null && largestDistance(predicted.corners, corners) > MOVING) {
        fit = this.follow(input, { ...predicted, corners });
      }
    }
    if (fit === null) fit = await this.search(input);

    if (fit !== null) {
      this.accept(fit, now);
      this.seen += 1;
      this.missed = 0;
    } else if (this.track !== null) {
      this.missed += 1;
      const speed = Math.max(...this.track.velocity.map(({ x, y }) => Math.hypot(x, y)));
      const patience = speed * frameTime > MOVING ? PATIENCE_MOVING : PATIENCE_AT_REST;
      if (this.seen < CONFIRM || this.missed > patience) {
        this.track = null;
        this.seen = 0;
      }
    }
    if (this.track === null || this.seen < CONFIRM) return { corners: null, measured: false };
    const vagueness = uncertainty(this.track.covariance);
    if (this.missed === 0) {
      return { corners: vagueness > TOO_VAGUE ? null : this.track.corners, measured: true };
    }
    // Only a picture known well is carried on unseen: at the frame's edge it most likely has left.
    const { corners } = this.predict(now);
    const blind = vagueness > TOO_VAGUE / 2 || largestDistance(corners, this.track.corners) > BLIND_STEP;
    return { corners: blind ? null : corners, measured: false };
  }

  /** @returns {Estimate} */
  predict(now) {
    const { corners, velocity, covariance, time } = this.track;
    const elapsed = now - time;
    const step = Math.max(...velocity.map(({ x, y }) => Math.hypot(x, y))) * elapsed;
    const limit = step > LONGEST_STEP ? LONGEST_STEP / step : 1;
    const moved = corners.map(({ x, y }, n) => ({
      x: x + velocity[n].x * elapsed * limit,
      y: y + velocity[n].y * elapsed * limit,
    }));
    return { corners: moved, covariance: add(covariance, drift(corners, elapsed)) };
  }

  /** @param {Estimate} estimate */
  accept({ corners, covariance }, now) {
    const before = this.track;
    const elapsed = before === null ? 0 : now - before.time;
    const still = corners.map(() => ({ x: 0, y: 0 }));
    let velocity = still;
    if (before !== null && elapsed > 0 && elapsed < 200) {
      velocity = corners.map(({ x, y }, n) => ({
        x: 0.3 * before.velocity[n].x + (0.7 * (x - before.corners[n].x)) / elapsed,
        y: 0.3 * before.velocity[n].y + (0.7 * (y - before.corners[n].y)) / elapsed,
      }));
    }
    this.track = { corners, covariance, velocity, time: now };
  }

  /** @returns {Promise<Estimate | null>} */
  async search(input) {
    // Half resolution sees a large picture for half the work, full resolution also a small one.
    const resolution = this.searches % 2 === 0 ? "half" : "full";
    this.searches += 1;
    const pairs = await this.finder.find(input, resolution);
    if (pairs === null) return null;
    const fit = fitRobust(pairs.world, pairs.screen, { threshold: 4 });
    if (fit === null || fit.inliers < 6) return null;
    const corners = projectRectangle(fit.h, this.picture.width, this.picture.height);
    if (!this.isPlausible(corners)) return null;
    const expected = { corners, covariance: independent(FIRST_SIGHT) };
    const estimate = this.look(input, expected, corners);
    return estimate && this.look(input, expected, estimate.corners);
  }

  /**
   * @param {unknown} input
   * @param {Estimate} expected
   * @returns {Estimate | null}
   */
  follow(input, expected) {
    let estimate = this.look(input, expected, expected.corners);
    if (estimate !== null && largestDistance(estimate.corners, expected.corners) > SECOND_LOOK) {
      estimate = this.look(input, expected, estimate.corners);
    }
    return estimate !== null && this.isNear(estimate.corners, this.track.corners) ? estimate : null;
  }

  /**
   * @param {unknown} input
   * @param {Estimate} expected
   * @param {Point[]} from corners around which to look for the templates
   * @returns {Estimate | null}
   */
  look(input, expected, from) {
    const { picture, finder } = this;
    const guess = fitHomography(rectangle(picture.width, picture.height), from);
    if (guess === null) return null;
    // Correlation is exact to a fraction of a template pixel, so all distances are measured in those.
    const size = Math.sqrt(Math.abs(signedArea(from)) / (picture.width * picture.height));
    const templatePixel = size / finder.templateScale;
    const inside = ({ x, y }) => {
      const margin = TEMPLATE_MARGIN * templatePixel;
      const { width, height } = this.frame;
      return x > margin && y > margin && x < width - margin && y < height - margin;
    };
    const visible = finder.templates.filter(({ x, y }) => inside(project(guess, x, y))).length;
    if (visible < 4) return null;

    const pairs = finder.follow(input, guess);
    const kept = pairs.screen.map(inside);
    const world = pairs.world.filter((_, n) => kept[n]);
    const screen = pairs.screen.filter((_, n) => kept[n]);
    const threshold = Math.min(Math.max(1.2 * templatePixel, 2), 6);
    const fit = fitRobust(world, screen, { threshold, guess });
    if (fit === null) return null;
    const needed = Math.min(Math.max(0.35 * visible, 4), 10);
    if (fit.inliers < needed || fit.inliers < 0.5 * world.length) return null;
    const sigma = Math.max(0.4 * templatePixel, 0.6);
    const estimate = fuse({
      picture,
      expected: expected.corners,
      covariance: expected.covariance,
      start: from,
      world,
      screen,
      weights: fit.weights,
      sigma,
    });
    return estimate !== null && this.isPlausible(estimate.corners) ? estimate : null;
  }

  isPlausible(corners) {
    if (!isPlausibleQuadrilateral(corners)) return false;
    const share = signedArea(corners) / (this.frame.width * this.frame.height);
    return share > 0.005 && share < 8;
  }

  /** Between two frames a picture neither doubles in size nor jumps by half its own. */
  isNear(corners, previous) {
    const area = signedArea(previous);
    const growth = signedArea(corners) / area;
    return growth > 0.6 && growth < 1.7 && largestDistance(corners, previous) < 0.5 * Math.sqrt(area);
  }
}
