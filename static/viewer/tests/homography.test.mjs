import assert from "node:assert/strict";
import { test } from "node:test";

import {
  fitHomography,
  fitRobust,
  isPlausibleQuadrilateral,
  multiply,
  project,
  projectRectangle,
  signedArea,
} from "../homography.js";
import { solveHomography } from "../mindar-homography.js";

const TRUE = [0.42, -0.08, 180, 0.05, 0.5, 120, 0.0002, -0.0001, 1];

function grid(columns, rows, width, height) {
  const points = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      points.push({ x: ((column + 0.5) * width) / columns, y: ((row + 0.5) * height) / rows });
    }
  }
  return points;
}

const seen = (points) => points.map(({ x, y }) => project(TRUE, x, y));

function assertNear(actual, expected, tolerance) {
  for (const [n, { x, y }] of expected.entries()) {
    assert.ok(Math.hypot(actual[n].x - x, actual[n].y - y) < tolerance, `corner ${n}: ${JSON.stringify(actual[n])}`);
  }
}

test("four pairs give the homography exactly", () => {
  const world = grid(2, 2, 1000, 667);
  const h = fitHomography(world, seen(world));
  assertNear(projectRectangle(h, 1000, 667), projectRectangle(TRUE, 1000, 667), 1e-6);
});

test("collinear points give none", () => {
  const world = [0, 1, 2, 3].map((n) => ({ x: 100 * n, y: 50 * n }));
  assert.equal(fitHomography(world, seen(world)), null);
  assert.equal(fitHomography(world.slice(0, 3), seen(world.slice(0, 3))), null);
});

test("a robust fit ignores a third of wild pairs", () => {
  const world = grid(6, 5, 1000, 667);
  const screen = seen(world);
  for (let n = 0; n < 30; n += 3) screen[n] = { x: screen[n].x + 40 + n, y: screen[n].y - 25 };
  const fit = fitRobust(world, screen, { threshold: 3 });
  assert.equal(fit.inliers, 20);
  assertNear(projectRectangle(fit.h, 1000, 667), projectRectangle(TRUE, 1000, 667), 0.01);
  assert.ok(fit.weights[0] === 0 && fit.weights[1] > 0.99);
});

test("noise of half a pixel on thirty pairs moves no corner by two pixels", () => {
  const world = grid(6, 5, 1000, 667);
  const screen = seen(world).map(({ x, y }, n) => ({ x: x + 0.5 * Math.sin(7 * n), y: y + 0.5 * Math.cos(5 * n) }));
  const fit = fitRobust(world, screen, { threshold: 3 });
  assertNear(projectRectangle(fit.h, 1000, 667), projectRectangle(TRUE, 1000, 667), 2);
});

test("the same pairs always give the same answer", () => {
  const world = grid(5, 4, 800, 800);
  const screen = seen(world).map((point, n) => (n % 4 ? point : { x: 9 * n, y: 400 - n }));
  assert.deepEqual(fitRobust(world, screen), fitRobust(world, screen));
});

test("a product applies its right factor first", () => {
  const shift = [1, 0, 10, 0, 1, 20, 0, 0, 1];
  const double = [2, 0, 0, 0, 2, 0, 0, 0, 1];
  assert.deepEqual(project(multiply(shift, double), 1, 1), { x: 12, y: 22 });
});

test("only a convex, unmirrored, not too flat quadrilateral is plausible", () => {
  const square = [{ x: 0, y: 0 }, { x: 100, y: 0 }, { x: 100, y: 100 }, { x: 0, y: 100 }];
  const [a, b, c, d] = square;
  assert.equal(isPlausibleQuadrilateral(square), true);
  assert.equal(signedArea(square), 10000);
  assert.equal(isPlausibleQuadrilateral([b, a, d, c]), false, "mirrored");
  assert.equal(isPlausibleQuadrilateral([a, b, { x: 20, y: 20 }, d]), false, "dented");
  assert.equal(isPlausibleQuadrilateral([a, c, b, d]), false, "crossed");
  assert.equal(isPlausibleQuadrilateral([a, b, { x: 51, y: 52 }, d]), false, "a corner nearly on the diagonal");
  assert.equal(isPlausibleQuadrilateral([a, b, c, { x: NaN, y: 0 }]), false, "not a number");
});

test("the matcher's solver answers in MindAR's own form", () => {
  const world = grid(3, 2, 500, 300);
  const h = solveHomography(world.map(({ x, y }) => [x, y]), seen(world).map(({ x, y }) => [x, y]));
  assert.equal(h[8], 1);
  assertNear(projectRectangle(h, 500, 300), projectRectangle(TRUE, 500, 300), 1e-6);
});
