/**
 * Joins what the last frames said about the picture's corners with what this frame shows: one step of a
 * Kalman filter whose state is the eight coordinates of the corners. When much of the picture is out of
 * sight, the points seen say little about the far corners, and the expectation holds them; the covariance
 * tells how well each is known. Pure.
 *
 * @typedef {import("./homography.js").Point} Point
 * @typedef {number[][]} Matrix 8 x 8, in the order x0, y0, x1, y1, ...
 */

import { fitHomography, project, rectangle, solve } from "./homography.js";

/**
 * How far, in pixels per 30th of a second, a picture some 300 px wide departs from constant velocity: it
 * shifts most, turns and grows less, is sheared little, and its perspective hardly changes.
 */
const DRIFT = { shift: 8, turn: 4, shear: 2, perspective: 0.8 };

const REFERENCE_FRAME = 1000 / 30;

const zeros = () => Array.from({ length: 8 }, () => new Array(8).fill(0));

/**
 * @param {Point[]} corners
 * @param {number} elapsed milliseconds
 * @returns {Matrix} covariance gained by predicting over that time
 */
export function drift(corners, elapsed) {
  const centre = { x: 0, y: 0 };
  for (const { x, y } of corners) {
    centre.x += x / 4;
    centre.y += y / 4;
  }
  const arms = corners.map(({ x, y }) => ({ x: x - centre.x, y: y - centre.y }));
  const modes = [
    [DRIFT.shift, () => [1, 0]],
    [DRIFT.shift, () => [0, 1]],
    [DRIFT.turn, ({ x, y }) => [x, y]],
    [DRIFT.turn, ({ x, y }) => [-y, x]],
    [DRIFT.shear, ({ x, y }) => [x, -y]],
    [DRIFT.shear, ({ x, y }) => [y, x]],
    [DRIFT.perspective, (_, n) => [n % 2 ? -1 : 1, 0]],
    [DRIFT.perspective, (_, n) => [0, n % 2 ? -1 : 1]],
  ];
  const size = Math.sqrt(arms.reduce((sum, { x, y }) => sum + x * x + y * y, 0) / 4);
  const scale = (size / 200) * Math.min(elapsed / REFERENCE_FRAME, 4);
  const covariance = zeros();
  for (const [amount, move] of modes) {
    const mode = arms.flatMap(move);
    const length = Math.hypot(...mode) / 2;
    const factor = ((amount * scale) / length) ** 2;
    for (let i = 0; i < 8; i++) for (let j = 0; j < 8; j++) covariance[i][j] += factor * mode[i] * mode[j];
  }
  return covariance;
}

/** @returns {Matrix} independent corners, each coordinate known to `sigma` pixels */
export function independent(sigma) {
  const covariance = zeros();
  for (let i = 0; i < 8; i++) covariance[i][i] = sigma * sigma;
  return covariance;
}

/** @returns {Matrix} */
export function add(a, b) {
  return a.map((row, i) => row.map((value, j) => value + b[i][j]));
}

/** @returns {Matrix | null} */
function invert(matrix) {
  const columns = [];
  for (let j = 0; j < 8; j++) {
    const unit = new Array(8).fill(0);
    unit[j] = 1;
    const column = solve(
      matrix.map((row) => [...row]),
      unit,
    );
    if (column === null) return null;
    columns.push(column);
  }
  return columns[0].map((_, i) => columns.map((column) => column[i]));
}

/**
 * @param {{picture: {width: number, height: number}, expected: Point[], covariance: Matrix, start: Point[],
 *   world: Point[], screen: Point[], weights: number[], sigma: number}} given
 *   expected, covariance: the corners before this frame; start: where to linearise first; weights: belief in
 *   each pair, 0 to 1; sigma: error of a believed pair in pixels
 * @returns {{corners: Point[], covariance: Matrix} | null} null when degenerate
 */
export function fuse({ picture, expected, covariance, start, world, screen, weights, sigma }) {
  const source = rectangle(picture.width, picture.height);
  const prior = invert(covariance);
  if (prior === null) return null;
  let corners = start;
  let information = prior;
  for (let round = 0; round < 2; round++) {
    const base = fitHomography(source, corners);
    const nudged = corners.flatMap((_, n) =>
      ["x", "y"].map((axis) =>
        fitHomography(
          source,
          corners.map((corner, m) => (m === n ? { ...corner, [axis]: corner[axis] + 1 } : corner)),
        ),
      ),
    );
    if (base === null || nudged.includes(null)) return null;

    information = prior.map((row) => [...row]);
    const offset = expected.flatMap(({ x, y }, n) => [x - corners[n].x, y - corners[n].y]);
    const right = prior.map((row) => row.reduce((sum, value, j) => sum + value * offset[j], 0));
    for (let n = 0; n < world.length; n++) {
      const weight = weights[n] / (sigma * sigma);
      if (weight === 0) continue;
      const at = project(base, world[n].x, world[n].y);
      const slopes = nudged.map((h) => {
        const moved = project(h, world[n].x, world[n].y);
        return { x: moved.x - at.x, y: moved.y - at.y };
      });
      const missX = screen[n].x - at.x;
      const missY = screen[n].y - at.y;
      for (let i = 0; i < 8; i++) {
        right[i] += weight * (slopes[i].x * missX + slopes[i].y * missY);
        for (let j = 0; j < 8; j++) {
          information[i][j] += weight * (slopes[i].x * slopes[j].x + slopes[i].y * slopes[j].y);
        }
      }
    }
    const step = solve(
      information.map((row) => [...row]),
      right,
    );
    if (step === null) return null;
    corners = corners.map(({ x, y }, n) => ({ x: x + step[2 * n], y: y + step[2 * n + 1] }));
  }
  const after = invert(information);
  return after === null ? null : { corners, covariance: after };
}

/**
 * @param {Matrix} covariance
 * @returns {number} standard deviation, in pixels, of the corner known worst
 */
export function uncertainty(covariance) {
  let worst = 0;
  for (let n = 0; n < 8; n += 2) worst = Math.max(worst, covariance[n][n] + covariance[n + 1][n + 1]);
  return Math.sqrt(worst);
}
