import assert from "node:assert/strict";
import { test } from "node:test";

import { QualityMeter } from "../quality.js";
import { Telemetry, VisibleTime, newSessionId } from "../telemetry.js";

const config = { contentId: "3f0e…", sessionUrl: "/api/analytics/ar-session", aliasUrl: "/api/v/visit" };

function listening({ blocked = () => false, beacon = true, to = config } = {}) {
  const posts = [];
  const beacons = [];
  const telemetry = new Telemetry(to, {
    userAgent: "a phone",
    fetch: async (url, { body }) => {
      if (blocked(url)) throw new TypeError("blocked");
      posts.push([url, JSON.parse(body)]);
    },
    beacon: (url, body) => beacon && beacons.push([url, JSON.parse(body)]) > 0,
  });
  return { telemetry, posts, beacons };
}

test("the beginning, the quality and the playing carry one session id, in order", async () => {
  const { telemetry, posts } = listening();
  telemetry.start();
  telemetry.rate("good");
  telemetry.rate("good");
  telemetry.rate(null);
  telemetry.videoPlayed();
  telemetry.videoPlayed();
  await telemetry.queue;
  assert.deepEqual(posts.map(([url]) => url), Array(3).fill(config.sessionUrl));
  assert.deepEqual(posts.map(([, { tracking_quality, video_played }]) => [tracking_quality, video_played]), [
    [undefined, undefined],
    ["good", undefined],
    [undefined, true],
  ]);
  for (const [, body] of posts) {
    assert.equal(body.ar_content_unique_id, config.contentId);
    assert.equal(body.session_id, telemetry.sessionId);
    assert.equal(body.user_agent, "a phone");
  }
});

test("an ad blocker sends everything, the end too, to the neutral path", async () => {
  const { telemetry, posts, beacons } = listening({ blocked: (url) => url.includes("analytics") });
  await telemetry.start();
  telemetry.videoPlayed();
  await telemetry.queue;
  telemetry.end(12);
  assert.deepEqual(posts.map(([url]) => url), [config.aliasUrl, config.aliasUrl]);
  assert.deepEqual(beacons, [[`/api/v/visit/${telemetry.sessionId}/end`, { duration_seconds: 12 }]]);
});

test("being offline disturbs nobody", async () => {
  const { telemetry, posts } = listening({ blocked: () => true });
  await telemetry.start();
  assert.deepEqual(posts, []);
});

test("where beacons are refused the end is posted", async () => {
  const { telemetry, posts } = listening({ beacon: false });
  telemetry.end(3);
  assert.deepEqual(posts, [[`${config.sessionUrl}/${telemetry.sessionId}/end`, { duration_seconds: 3 }]]);
});

test("a preview tells nobody anything", async () => {
  const { telemetry, posts, beacons } = listening({ to: { ...config, sessionUrl: null, aliasUrl: null } });
  telemetry.start();
  telemetry.rate("good");
  telemetry.videoPlayed();
  await telemetry.queue;
  telemetry.end(3);
  assert.deepEqual([posts, beacons], [[], []]);
});

test("session ids are version 4 UUIDs, also without randomUUID", () => {
  const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  assert.match(newSessionId(), pattern);
  const old = { getRandomValues: (bytes) => crypto.getRandomValues(bytes) };
  assert.match(newSessionId(old), pattern);
  assert.notEqual(newSessionId(old), newSessionId(old));
});

test("only the time in view is counted", () => {
  const time = new VisibleTime(1000);
  time.hide(4000);
  time.hide(9000);
  assert.equal(time.seconds(60_000), 3);
  time.show(60_000);
  time.show(61_000);
  assert.equal(time.seconds(62_400), 5);
});

function rated(findAfter, losses, tracked = 60_000) {
  const meter = new QualityMeter();
  meter.look(false, 0);
  let now = findAfter;
  for (let n = 0; n <= losses; n++) {
    for (let t = 0; t <= tracked / (losses + 1); t += 100) meter.look(true, now + t);
    now += tracked / (losses + 1) + 100;
    if (n < losses) meter.look(false, now);
  }
  return meter.rating();
}

test("quality is how soon the picture was found and how seldom it was lost", () => {
  assert.equal(rated(800, 1), "good");
  assert.equal(rated(800, 10), "fair");
  assert.equal(rated(800, 30), "poor");
  assert.equal(rated(5000, 0), "fair");
  assert.equal(rated(12_000, 0), "poor");
});

test("a picture never found is poor after a while, and says nothing before", () => {
  const meter = new QualityMeter();
  assert.equal(meter.rating(), null);
  meter.look(false, 0);
  meter.look(false, 2000);
  assert.equal(meter.rating(), null);
  meter.look(false, 9000);
  assert.equal(meter.rating(), "poor");
});
