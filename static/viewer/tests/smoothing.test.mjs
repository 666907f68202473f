import assert from "node:assert/strict";
import { test } from "node:test";

import { CornerFilter } from "../smoothing.js";

const square = (x, y) => [{ x, y }, { x: x + 200, y }, { x: x + 200, y: y + 150 }, { x, y: y + 150 }];
const FRAME = 1000 / 30;

test("jitter at rest is about halved", () => {
  const filter = new CornerFilter();
  let raw = 0;
  let smooth = 0;
  for (let n = 0; n < 120; n++) {
    const noise = Math.sin(n * n * 12.9898) * 0.4;
    const [corner] = filter.filter(square(100 + noise, 80), n * FRAME);
    if (n < 20) continue;
    raw += noise * noise;
    smooth += (corner.x - 100) ** 2;
  }
  assert.ok(Math.sqrt(smooth) < 0.6 * Math.sqrt(raw));
});

test("a quick pan lags by less than a pixel", () => {
  const filter = new CornerFilter();
  let lag = 0;
  for (let n = 0; n < 40; n++) {
    const [corner] = filter.filter(square(20 + 10 * n, 80), n * FRAME);
    if (n > 15) lag = Math.max(lag, Math.abs(corner.x - (20 + 10 * n)));
  }
  assert.ok(lag < 1, `${lag} px`);
});

test("the shape is not bent: a shift of the whole picture stays one", () => {
  const filter = new CornerFilter();
  for (let n = 0; n < 10; n++) {
    const corners = filter.filter(square(100 + 3 * n, 80 + n * n), n * FRAME);
    assert.ok(Math.abs(corners[1].x - corners[0].x - 200) < 1e-9);
    assert.ok(Math.abs(corners[3].y - corners[0].y - 150) < 1e-9);
  }
});

test("after a pause or a reset it starts afresh", () => {
  const filter = new CornerFilter();
  filter.filter(square(0, 0), 0);
  assert.deepEqual(filter.filter(square(300, 0), 2000), square(300, 0));
  filter.reset();
  assert.deepEqual(filter.filter(square(0, 0), 2033), square(0, 0));
});
