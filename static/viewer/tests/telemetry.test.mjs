import assert from "node:assert/strict";
import { test } from "node:test";

import { QualityMeter } from "../quality.js";
import { Telemetry, VisibleTime, cameraReason, newSessionId } from "../telemetry.js";

const config = { contentId: "3f0e…", sessionUrl: "/api/analytics/ar-session", aliasUrl: "/api/v/visit" };

/** @param {{answers?: {status: number, wait?: string}[]}} [how] `answers` go out first, then 200s */
function listening({ blocked = () => false, beacon = true, to = config, answers = [] } = {}) {
  const posts = [];
  const beacons = [];
  const waits = [];
  const telemetry = new Telemetry(to, {
    userAgent: "a phone",
    fetch: async (url, { body }) => {
      if (blocked(url)) throw new TypeError("blocked");
      posts.push([url, JSON.parse(body)]);
      const { status, wait } = answers.shift() ?? { status: 200 };
      return new Response("{}", { status, headers: wait ? { "Retry-After": wait } : {} });
    },
    beacon: (url, body) => beacon && beacons.push([url, JSON.parse(body)]) > 0,
    wait: async (milliseconds) => void waits.push(milliseconds),
  });
  return { telemetry, posts, beacons, waits };
}

test("the beginning comes first, and what happens about the same time goes in one message", async () => {
  const { telemetry, posts } = listening();
  telemetry.start();
  telemetry.started();
  telemetry.cameraAllowed();
  telemetry.found(2345.6);
  telemetry.found(9000);
  telemetry.rate("good");
  telemetry.rate("good");
  telemetry.rate(null);
  telemetry.videoPlayed();
  telemetry.videoPlayed();
  await telemetry.queue;
  const visit = `${config.sessionUrl}/${telemetry.sessionId}`;
  assert.deepEqual(posts, [
    [
      config.sessionUrl,
      { ar_content_unique_id: config.contentId, session_id: telemetry.sessionId, user_agent: "a phone" },
    ],
    [visit, { started: true, camera: "allowed", found_ms: 2346, tracking_quality: "good", video_played: true }],
  ]);
  telemetry.rate("fair");
  telemetry.started();
  await telemetry.queue;
  assert.deepEqual(posts.slice(2), [[visit, { tracking_quality: "fair" }]]);
});

test("a refused camera is told with its reason, and once more when it is allowed after all", async () => {
  const { telemetry, posts } = listening();
  telemetry.start();
  telemetry.cameraDenied("refused");
  telemetry.cameraDenied("in_use");
  await telemetry.queue;
  telemetry.cameraAllowed();
  telemetry.cameraDenied("in_use");
  await telemetry.queue;
  assert.deepEqual(posts.slice(1).map(([, body]) => body), [
    { camera: "denied", camera_reason: "refused" },
    { camera: "allowed" },
  ]);
});

test("errors of the camera have a word in the statistics", () => {
  const named = (name) => cameraReason(new DOMException("", name));
  assert.equal(named("NotAllowedError"), "refused");
  assert.equal(named("NotFoundError"), "no_camera");
  assert.equal(named("OverconstrainedError"), "no_camera");
  assert.equal(named("NotReadableError"), "in_use");
  assert.equal(named("NotSupportedError"), "unsupported");
  assert.equal(cameraReason(new TypeError()), "unsupported");
  assert.equal(cameraReason(new Error("the camera's picture does not play")), "other");
  assert.equal(cameraReason(undefined), "other");
});

test("a server that asks to come again is asked again, with the same session", async () => {
  const { telemetry, posts, waits } = listening({ answers: [{ status: 503, wait: "5" }, { status: 429, wait: "99" }] });
  telemetry.start();
  telemetry.started();
  await telemetry.queue;
  assert.deepEqual(waits, [5000, 30_000, 1000]);
  assert.equal(new Set(posts.slice(0, 3).map(([, body]) => body.session_id)).size, 1);
  assert.deepEqual(posts.slice(3), [[`${config.sessionUrl}/${telemetry.sessionId}`, { started: true }]]);
});

test("what could not begin is begun with the next news, which is not lost", async () => {
  const refusals = Array(4).fill({ status: 503, wait: "1" });
  const { telemetry, posts } = listening({ answers: refusals });
  await telemetry.start();
  assert.equal(telemetry.begun, false);
  telemetry.videoPlayed();
  await telemetry.queue;
  assert.deepEqual(posts.slice(4).map(([url]) => url), [
    config.sessionUrl,
    `${config.sessionUrl}/${telemetry.sessionId}`,
  ]);
});

/** Until nothing is under way any more: each failure puts another turn into the queue. */
async function settled(telemetry) {
  let queue;
  while (queue !== telemetry.queue) await (queue = telemetry.queue);
}

for (const times of [1, 2, 3, 5]) {
  test(`news are not lost when the server is away ${times} times in a row, and go without more news`, async () => {
    const refusals = Array(4 * times).fill({ status: 503, wait: "1" });
    const { telemetry, posts } = listening({ answers: [...refusals, { status: 200 }, ...refusals] });
    telemetry.start();
    telemetry.started();
    telemetry.found(900);
    await settled(telemetry);
    const taken = [posts[4 * times], posts.at(-1)];
    assert.equal(posts.length, 8 * times + 2);
    assert.deepEqual(taken.map(([url]) => url), [config.sessionUrl, `${config.sessionUrl}/${telemetry.sessionId}`]);
    assert.deepEqual(taken[1][1], { started: true, found_ms: 900 });
  });
}

test("what is told while a message fails goes along with it, and the newer word counts", async () => {
  const { telemetry, posts } = listening({ answers: [{ status: 200 }, ...Array(4).fill({ status: 502 })] });
  await telemetry.start();
  telemetry.cameraDenied("refused");
  telemetry.rate("poor");
  const { post } = telemetry;
  telemetry.post = (...message) => {
    telemetry.post = post;
    telemetry.cameraAllowed();
    telemetry.rate("good");
    return post.apply(telemetry, message);
  };
  await settled(telemetry);
  assert.deepEqual(posts.at(-1)[1], { camera: "allowed", tracking_quality: "good" });
});

test("a connection that breaks is tried a few times by itself, and again with the next news", async () => {
  let down = true;
  const { telemetry, posts, waits } = listening({ blocked: () => down });
  telemetry.start();
  telemetry.started();
  await settled(telemetry);
  const tries = waits.length;
  assert.ok(tries > 2 && tries < 10, `${tries}`);
  down = false;
  telemetry.videoPlayed();
  await settled(telemetry);
  assert.deepEqual(posts.map(([, body]) => body).slice(1), [{ started: true, video_played: true }]);
});

test("what the server refuses for good is not sent again", async () => {
  const { telemetry, posts } = listening({ answers: [{ status: 200 }, { status: 404 }] });
  telemetry.start();
  telemetry.started();
  await settled(telemetry);
  telemetry.videoPlayed();
  await settled(telemetry);
  assert.deepEqual(posts.slice(1).map(([, body]) => body), [{ started: true }, { video_played: true }]);
});

test("leaving before the beginning is confirmed sends it first, and all in turn should the page live on", async () => {
  const { telemetry, posts, beacons } = listening({ answers: Array(8).fill({ status: 503 }) });
  telemetry.start();
  telemetry.started();
  telemetry.end(2);
  const visit = `${config.sessionUrl}/${telemetry.sessionId}`;
  const end = [`${visit}/end`, { duration_seconds: 2 }];
  assert.deepEqual(beacons.slice(0, 3), [[config.sessionUrl, telemetry.beginning], [visit, { started: true }], end]);
  await settled(telemetry);
  assert.deepEqual(posts.at(-1), [visit, { started: true }]);
  assert.deepEqual(beacons.slice(3), [end]);
});

test("leaving sends what is pending before the end, in beacons", async () => {
  const { telemetry, posts, beacons } = listening();
  await telemetry.start();
  telemetry.rate("good");
  telemetry.end(7);
  const visit = `${config.sessionUrl}/${telemetry.sessionId}`;
  assert.deepEqual(beacons, [
    [visit, { tracking_quality: "good" }],
    [`${visit}/end`, { duration_seconds: 7 }],
  ]);
  await telemetry.queue;
  assert.equal(posts.length, 1);
});

test("an ad blocker sends everything, the end too, to the neutral path", async () => {
  const { telemetry, posts, beacons } = listening({ blocked: (url) => url.includes("analytics") });
  await telemetry.start();
  telemetry.videoPlayed();
  await telemetry.queue;
  telemetry.end(12);
  const visit = `${config.aliasUrl}/${telemetry.sessionId}`;
  assert.deepEqual(posts.map(([url]) => url), [config.aliasUrl, visit]);
  assert.deepEqual(beacons, [[`${visit}/end`, { duration_seconds: 12 }]]);
});

test("being offline disturbs nobody", async () => {
  const { telemetry, posts } = listening({ blocked: () => true });
  await telemetry.start();
  assert.deepEqual(posts, []);
});

test("where beacons are refused the end is posted", async () => {
  const { telemetry, posts } = listening({ beacon: false });
  await telemetry.start();
  telemetry.end(3);
  assert.deepEqual(posts.slice(1), [[`${config.sessionUrl}/${telemetry.sessionId}/end`, { duration_seconds: 3 }]]);
});

test("a preview tells nobody anything", async () => {
  const { telemetry, posts, beacons } = listening({ to: { ...config, sessionUrl: null, aliasUrl: null } });
  telemetry.start();
  telemetry.started();
  telemetry.cameraAllowed();
  telemetry.found(1);
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
