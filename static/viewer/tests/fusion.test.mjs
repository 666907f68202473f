import assert from "node:assert/strict";
import { test } from "node:test";

import { add, drift, fuse, independent, uncertainty } from "../fusion.js";
import { fitHomography, largestDistance, project, rectangle } from "../homography.js";

const picture = { width: 1000, height: 800 };
const corners = [{ x: 150, y: 100 }, { x: 470, y: 130 }, { x: 450, y: 390 }, { x: 160, y: 350 }];
const h = fitHomography(rectangle(1000, 800), corners);

/** Pairs over the part of the picture left of `edge`, with a little noise. */
function pairs(edge) {
  const world = [];
  for (let y = 80; y < 800; y += 120) for (let x = 60; x < edge; x += 120) world.push({ x, y });
  const screen = world.map((point, n) => {
    const at = project(h, point.x, point.y);
    return { x: at.x + 0.4 * Math.sin(3 * n), y: at.y + 0.4 * Math.cos(4 * n) };
  });
  return { world, screen, weights: world.map(() => 1), sigma: 0.6 };
}

const shifted = corners.map(({ x, y }) => ({ x: x + 6, y: y - 4 }));

test("points all over the picture outweigh the expectation", () => {
  const covariance = add(independent(1), drift(corners, 33));
  const { corners: found, covariance: after } = fuse({ picture, expected: shifted, covariance, start: shifted, ...pairs(1000) });
  assert.ok(largestDistance(found, corners) < 1);
  assert.ok(uncertainty(after) < 1);
});

test("the expectation holds the corners that the points say nothing about", () => {
  const covariance = add(independent(0.5), drift(corners, 33));
  const view = { picture, covariance, start: shifted, ...pairs(250) };
  const held = fuse({ ...view, expected: shifted });
  // A shift that the visible part shows is carried over to the unseen corners, which alone would be far off.
  assert.ok(largestDistance(held.corners, corners) < 5);
  const free = fuse({ ...view, expected: shifted, covariance: independent(200) });
  assert.ok(uncertainty(free.covariance) > 3 * uncertainty(held.covariance));
});

test("with no points the answer is the expectation, no better known than before", () => {
  const covariance = independent(3);
  const none = { world: [], screen: [], weights: [], sigma: 1 };
  const { corners: found, covariance: after } = fuse({ picture, expected: shifted, covariance, start: corners, ...none });
  assert.ok(largestDistance(found, shifted) < 1e-6);
  assert.ok(Math.abs(uncertainty(after) - 3 * Math.SQRT2) < 1e-6);
});

test("a disbelieved point changes nothing", () => {
  const good = pairs(1000);
  const given = { picture, expected: corners, covariance: independent(5), start: corners };
  const wild = {
    ...good,
    world: [...good.world, { x: 500, y: 400 }],
    screen: [...good.screen, { x: 0, y: 0 }],
    weights: [...good.weights, 0],
  };
  assert.deepEqual(fuse({ ...given, ...wild }).corners, fuse({ ...given, ...good }).corners);
});

test("uncertainty grows with the time between frames, for distant pictures less in pixels", () => {
  const small = corners.map(({ x, y }) => ({ x: x / 4, y: y / 4 }));
  assert.ok(uncertainty(drift(corners, 66)) > 1.9 * uncertainty(drift(corners, 33)));
  assert.ok(uncertainty(drift(small, 33)) < 0.3 * uncertainty(drift(corners, 33)));
});
