import assert from "node:assert/strict";
import { test } from "node:test";

import { fitHomography, largestDistance, project, rectangle } from "../homography.js";
import { Pursuit } from "../pursuit.js";

const picture = { width: 1000, height: 800 };
const frame = { width: 640, height: 480 };
const scale = 128 / 800;

const templates = [];
for (let y = 80; y < 800; y += 160) for (let x = 100; x < 1000; x += 160) templates.push({ x, y });

const at = (x, y = 110) => [{ x, y }, { x: x + 300, y: y + 8 }, { x: x + 290, y: y + 250 }, { x: x + 5, y: y + 240 }];

/** Sees what a frame says: the true corners of the picture, or null. Like the real one, templates are found
 * only within ten template pixels of where they are looked for. */
class Finder {
  templates = templates;
  templateScale = scale;
  finds = 0;

  async find(truth) {
    this.finds += 1;
    if (truth === null) return null;
    const h = fitHomography(rectangle(1000, 800), truth);
    return { world: templates, screen: templates.map(({ x, y }) => project(h, x, y)) };
  }

  follow(truth, guess) {
    const pairs = { world: [], screen: [] };
    if (truth === null) return pairs;
    const h = fitHomography(rectangle(1000, 800), truth);
    for (const point of templates) {
      const real = project(h, point.x, point.y);
      const expected = project(guess, point.x, point.y);
      if (Math.hypot(real.x - expected.x, real.y - expected.y) > 20) continue;
      pairs.world.push(point);
      pairs.screen.push(real);
    }
    return pairs;
  }
}

async function run(truths) {
  const finder = new Finder();
  const pursuit = new Pursuit({ finder, picture, frame });
  const sightings = [];
  for (const [n, truth] of truths.entries()) sightings.push(await pursuit.step(truth, 1000 + n * 33));
  return { sightings, finder };
}

const repeat = (count, truth) => Array.from({ length: count }, () => truth);

test("the picture is shown from the third frame on, where it is", async () => {
  const { sightings, finder } = await run(repeat(5, at(150)));
  assert.deepEqual(sightings.map(({ corners }) => corners !== null), [false, false, true, true, true]);
  assert.ok(largestDistance(sightings[4].corners, at(150)) < 0.5);
  assert.equal(finder.finds, 1, "a picture in sight is not searched for");
});

test("a single false match is never shown", async () => {
  const { sightings } = await run([...repeat(3, null), at(100), ...repeat(4, null)]);
  assert.ok(sightings.every(({ corners }) => corners === null));
});

test("a resting picture waits four frames for its return, then hides", async () => {
  const { sightings } = await run([...repeat(6, at(150)), ...repeat(6, null)]);
  const shown = sightings.slice(6).map(({ corners }) => corners !== null);
  assert.deepEqual(shown, [true, true, true, true, false, false]);
  assert.ok(sightings.slice(6).every(({ measured }) => !measured));
});

/** What is shown of a picture that moves by `step` pixels a frame and vanishes after eight. */
async function vanishing(step) {
  const moving = Array.from({ length: 8 }, (_, n) => at(60 + step * n));
  const { sightings } = await run([...moving, ...repeat(4, null)]);
  return sightings.slice(8).map(({ corners }) => corners);
}

test("a moving picture is carried on along its way, for two frames only", async () => {
  const corners = await vanishing(8);
  assert.deepEqual(corners.map((shown) => shown !== null), [true, true, false, false]);
  assert.ok(largestDistance(corners[0], at(60 + 8 * 8)) < 8);
});

test("a faster one is carried on for twenty pixels at the most: it is leaving", async () => {
  const shown = async (step) => (await vanishing(step)).map((corners) => corners !== null);
  assert.deepEqual(await shown(12), [true, false, false, false]);
  assert.deepEqual(await shown(25), [false, false, false, false]);
});

test("fast motion is followed by looking ahead", async () => {
  const moving = Array.from({ length: 12 }, (_, n) => at(20 + 1.2 * n * n, 60 + 8 * n));
  const { sightings, finder } = await run(moving);
  assert.equal(finder.finds, 1);
  for (const [n, { corners }] of sightings.entries()) {
    if (n >= 2) assert.ok(largestDistance(corners, moving[n]) < 3, `frame ${n}`);
  }
});

test("a picture that jumps away is found again by searching, without a new warm-up", async () => {
  const { sightings, finder } = await run([...repeat(5, at(40)), ...repeat(3, at(300))]);
  assert.ok(sightings.slice(5).every(({ corners }) => corners !== null));
  assert.ok(largestDistance(sightings[5].corners, at(300)) < 1);
  assert.equal(finder.finds, 2);
});

test("searching alternates between half and full resolution", async () => {
  const finder = new Finder();
  const asked = [];
  finder.find = async (_, resolution) => {
    asked.push(resolution);
    return null;
  };
  const pursuit = new Pursuit({ finder, picture, frame });
  for (let n = 0; n < 4; n++) await pursuit.step(null, n * 33);
  assert.deepEqual(asked, ["half", "full", "half", "full"]);
});

test("forgetting starts over", async () => {
  const pursuit = new Pursuit({ finder: new Finder(), picture, frame });
  for (let n = 0; n < 4; n++) await pursuit.step(at(150), n * 33);
  pursuit.forget();
  assert.equal((await pursuit.step(at(150), 200)).corners, null);
});
