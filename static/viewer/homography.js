/**
 * Plane-to-plane maths: pure functions, no clock, no DOM.
 *
 * A homography is nine numbers, row-major: (x, y) -> ((h0 x + h1 y + h2) / w, (h3 x + h4 y + h5) / w) with
 * w = h6 x + h7 y + h8. Points are {x, y}. "Corners" are four points in the order top left, top right,
 * bottom right, bottom left.
 *
 * @typedef {{x: number, y: number}} Point
 * @typedef {number[]} Homography
 */

/**
 * @param {Homography} h
 * @param {number} x
 * @param {number} y
 * @returns {Point}
 */
export function project(h, x, y) {
  const w = h[6] * x + h[7] * y + h[8];
  return { x: (h[0] * x + h[1] * y + h[2]) / w, y: (h[3] * x + h[4] * y + h[5]) / w };
}

/**
 * @param {Homography} a
 * @param {Homography} b
 * @returns {Homography} first b, then a
 */
export function multiply(a, b) {
  const product = [];
  for (let row = 0; row < 9; row += 3) {
    for (let column = 0; column < 3; column++) {
      product.push(a[row] * b[column] + a[row + 1] * b[column + 3] + a[row + 2] * b[column + 6]);
    }
  }
  return product;
}

/**
 * @param {number} width
 * @param {number} height
 * @returns {Point[]} corners of the rectangle
 */
export function rectangle(width, height) {
  return [
    { x: 0, y: 0 },
    { x: width, y: 0 },
    { x: width, y: height },
    { x: 0, y: height },
  ];
}

/**
 * @param {Homography} h
 * @param {number} width
 * @param {number} height
 * @returns {Point[]} where the rectangle's corners go
 */
export function projectRectangle(h, width, height) {
  return rectangle(width, height).map(({ x, y }) => project(h, x, y));
}

/**
 * Gaussian elimination with partial pivoting, in place.
 * @param {number[][]} a
 * @param {number[]} b
 * @returns {number[] | null} b, now the solution; null when singular
 */
export function solve(a, b) {
  const n = b.length;
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let row = column + 1; row < n; row++) {
      if (Math.abs(a[row][column]) > Math.abs(a[pivot][column])) pivot = row;
    }
    if (!(Math.abs(a[pivot][column]) > 1e-12)) return null;
    [a[column], a[pivot]] = [a[pivot], a[column]];
    [b[column], b[pivot]] = [b[pivot], b[column]];
    for (let row = column + 1; row < n; row++) {
      const factor = a[row][column] / a[column][column];
      if (factor === 0) continue;
      for (let k = column; k < n; k++) a[row][k] -= factor * a[column][k];
      b[row] -= factor * b[column];
    }
  }
  for (let row = n - 1; row >= 0; row--) {
    for (let k = row + 1; k < n; k++) b[row] -= a[row][k] * b[k];
    b[row] /= a[row][row];
  }
  return b;
}

/** Moves points to mean 0 and mean distance sqrt(2) (Hartley), so that the equations are well scaled. */
function normalisation(points) {
  let x = 0;
  let y = 0;
  for (const point of points) {
    x += point.x / points.length;
    y += point.y / points.length;
  }
  let spread = 0;
  for (const point of points) spread += Math.hypot(point.x - x, point.y - y) / points.length;
  const scale = spread > 0 ? Math.SQRT2 / spread : 1;
  return { x, y, scale };
}

/**
 * Weighted least squares by the direct linear transformation with h8 = 1 in normalised coordinates.
 * The algebraic error of a pair is divided by its depth under `reference`, which makes it the distance in
 * pixels when `reference` is near the answer.
 *
 * @param {Point[]} world
 * @param {Point[]} screen
 * @param {number[] | null} weights one per pair, null for all 1
 * @param {Homography | null} reference
 * @returns {Homography | null} null when fewer than four pairs, or degenerate
 */
export function fitHomography(world, screen, weights = null, reference = null) {
  if (world.length < 4) return null;
  const from = normalisation(world);
  const to = normalisation(screen);
  const a = Array.from({ length: 8 }, () => new Array(8).fill(0));
  const b = new Array(8).fill(0);
  const accumulate = (row, value, weight) => {
    for (let i = 0; i < 8; i++) {
      if (row[i] === 0) continue;
      for (let j = 0; j < 8; j++) a[i][j] += weight * row[i] * row[j];
      b[i] += weight * row[i] * value;
    }
  };
  for (let n = 0; n < world.length; n++) {
    let weight = weights === null ? 1 : weights[n];
    if (weight <= 0) continue;
    if (reference !== null) {
      const depth = reference[6] * world[n].x + reference[7] * world[n].y + reference[8];
      weight /= depth * depth;
    }
    const x = (world[n].x - from.x) * from.scale;
    const y = (world[n].y - from.y) * from.scale;
    const u = (screen[n].x - to.x) * to.scale;
    const v = (screen[n].y - to.y) * to.scale;
    accumulate([x, y, 1, 0, 0, 0, -u * x, -u * y], u, weight);
    accumulate([0, 0, 0, x, y, 1, -v * x, -v * y], v, weight);
  }
  const h = solve(a, b);
  if (h === null || !h.every(Number.isFinite)) return null;
  const normalise = [from.scale, 0, -from.x * from.scale, 0, from.scale, -from.y * from.scale, 0, 0, 1];
  const denormalise = [1 / to.scale, 0, to.x, 0, 1 / to.scale, to.y, 0, 0, 1];
  const result = multiply(denormalise, multiply([...h, 1], normalise));
  return result[8] === 0 ? null : result.map((value) => value / result[8]);
}

/** MindAR's own generator (a linear congruence): the same frame always gives the same answer. */
function randomizer(seed) {
  let state = seed;
  return (limit) => {
    state = (214013 * state + 2531011) % 2147483648;
    return Math.floor(state / 65536) % limit;
  };
}

/**
 * @param {Homography} h
 * @param {Point[]} world
 * @param {Point[]} screen
 * @returns {number[]} distance of each pair in screen units
 */
export function residuals(h, world, screen) {
  return world.map((point, n) => {
    const { x, y } = project(h, point.x, point.y);
    return Math.hypot(x - screen[n].x, y - screen[n].y);
  });
}

/**
 * Robust fit: the best of many four-pair hypotheses by truncated squared error (MSAC), then iteratively
 * reweighted least squares with Tukey's biweight.
 *
 * @param {Point[]} world
 * @param {Point[]} screen
 * @param {{threshold?: number, hypotheses?: number, guess?: Homography | null}} [options]
 *   threshold: inlier distance in screen units; guess: tried before the random samples
 * @returns {{h: Homography, inliers: number, weights: number[]} | null}
 *   weights: how far each pair is believed, 0 to 1
 */
export function fitRobust(world, screen, options = {}) {
  const { threshold = 3, hypotheses = 60, guess = null } = options;
  const count = world.length;
  if (count < 4) return null;
  const limit = threshold * threshold;
  const costOf = (h) => {
    let cost = 0;
    for (const distance of residuals(h, world, screen)) {
      const squared = distance * distance;
      cost += squared < limit ? squared : limit;
    }
    return cost;
  };

  let best = fitHomography(world, screen);
  let bestCost = best === null ? Infinity : costOf(best);
  const consider = (h) => {
    if (h === null) return;
    const cost = costOf(h);
    if (cost < bestCost) {
      best = h;
      bestCost = cost;
    }
  };
  consider(guess);
  const draw = randomizer(1234);
  for (let trial = 0; trial < hypotheses && count > 4; trial++) {
    const picked = new Set();
    while (picked.size < 4) picked.add(draw(count));
    const sample = [...picked];
    consider(
      fitHomography(
        sample.map((n) => world[n]),
        sample.map((n) => screen[n]),
      ),
    );
  }
  if (best === null) return null;

  const believe = (h) =>
    residuals(h, world, screen).map((distance) => {
      const ratio = distance / (1.5 * threshold);
      return ratio >= 1 ? 0 : (1 - ratio * ratio) ** 2;
    });
  for (let round = 0; round < 3; round++) {
    const refined = fitHomography(world, screen, believe(best), best);
    if (refined === null) break;
    best = refined;
  }
  const inliers = residuals(best, world, screen).filter((distance) => distance < threshold).length;
  return { h: best, inliers, weights: believe(best) };
}

/**
 * @param {Point[]} corners
 * @returns {number} signed area; positive when the corners run clockwise on a screen with y down
 */
export function signedArea(corners) {
  let twice = 0;
  for (let n = 0; n < corners.length; n++) {
    const next = corners[(n + 1) % corners.length];
    twice += corners[n].x * next.y - next.x * corners[n].y;
  }
  return twice / 2;
}

/**
 * @param {Point[]} corners
 * @returns {boolean} convex, not mirrored, and every corner a corner: no angle near 0° or 180°
 */
export function isPlausibleQuadrilateral(corners) {
  for (let n = 0; n < 4; n++) {
    const { x, y } = corners[n];
    const next = corners[(n + 1) % 4];
    const after = corners[(n + 2) % 4];
    const ax = next.x - x;
    const ay = next.y - y;
    const bx = after.x - next.x;
    const by = after.y - next.y;
    const lengths = Math.hypot(ax, ay) * Math.hypot(bx, by);
    // Sine of the turn; it also refuses NaN.
    if (!((ax * by - ay * bx) / lengths > 0.15)) return false;
  }
  return true;
}

/**
 * @param {Point[]} a
 * @param {Point[]} b
 * @returns {number} the largest distance between corresponding corners
 */
export function largestDistance(a, b) {
  return Math.max(...a.map((point, n) => Math.hypot(point.x - b[n].x, point.y - b[n].y)));
}
