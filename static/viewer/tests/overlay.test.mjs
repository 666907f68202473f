import assert from "node:assert/strict";
import { test } from "node:test";

import { coverMapping, matrix3d } from "../overlay.js";

test("a landscape frame covers a portrait screen, cut off at the sides", () => {
  const map = coverMapping({ width: 640, height: 480 }, { width: 390, height: 844 });
  assert.deepEqual(map({ x: 0.5, y: 0 }), { x: 195, y: 0 });
  assert.deepEqual(map({ x: 0.5, y: 1 }), { x: 195, y: 844 });
  const left = map({ x: 0, y: 0.5 });
  assert.ok(Math.abs(left.x - (195 - (844 * 4) / 3 / 2)) < 1e-9 && left.y === 422);
});

test("a portrait frame covers a wide screen, cut off above and below", () => {
  const map = coverMapping({ width: 480, height: 640 }, { width: 1200, height: 800 });
  assert.deepEqual(map({ x: 0, y: 0.5 }), { x: 0, y: 400 });
  assert.deepEqual(map({ x: 1, y: 1 }), { x: 1200, y: 1200 });
});

test("the transform carries the box's corners where they belong", () => {
  const corners = [{ x: 40, y: 60 }, { x: 300, y: 90 }, { x: 280, y: 420 }, { x: 70, y: 380 }];
  const m = matrix3d({ width: 720, height: 540 }, corners).match(/-?[\d.]+(?:e-?\d+)?/g).slice(1).map(Number);
  assert.equal(m.length, 16);
  for (const [n, [x, y]] of [[0, 0], [720, 0], [720, 540], [0, 540]].entries()) {
    // Column by column, as CSS has it.
    const w = m[3] * x + m[7] * y + m[15];
    assert.ok(Math.abs((m[0] * x + m[4] * y + m[12]) / w - corners[n].x) < 1e-6);
    assert.ok(Math.abs((m[1] * x + m[5] * y + m[13]) / w - corners[n].y) < 1e-6);
  }
});

test("corners without area have no transform", () => {
  assert.equal(matrix3d({ width: 100, height: 100 }, [0, 1, 2, 3].map((n) => ({ x: n, y: n }))), null);
});
