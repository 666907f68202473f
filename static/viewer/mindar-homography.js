/**
 * Stands in for MindAR's own solver in its matcher, which brings a whole matrix library with it: the same
 * least squares, by our own fit.
 */

import { fitHomography } from "./homography.js";

const toPoints = (pairs) => pairs.map(([x, y]) => ({ x, y }));

/**
 * @param {number[][]} source [x, y] each
 * @param {number[][]} destination [x, y] each
 * @returns {number[] | null} row-major, last term 1; null when degenerate
 */
export function solveHomography(source, destination) {
  return fitHomography(toPoints(source), toPoints(destination));
}
