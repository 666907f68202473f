import assert from "node:assert/strict";
import { test } from "node:test";

import { constraintsFor, reasonOf } from "../camera.js";
import { isInApp, wayOut } from "../environment.js";

const ANDROID = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36";
const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148";

test("browsers inside other apps are told from real ones", () => {
  assert.equal(isInApp(ANDROID), false);
  assert.equal(isInApp(`${IPHONE} Version/17.5 Safari/604.1`), false);
  for (const mark of [" Instagram 330.0", " [FBAN/FBIOS;FBAV/460]", " musical_ly_34.0", " VKAndroidApp/8.1"]) {
    assert.equal(isInApp(IPHONE + mark), true, mark);
  }
  assert.equal(isInApp(ANDROID.replace("Pixel 8", "Pixel 8; wv")), true);
});

test("Android gets a link that opens the same page in a browser", () => {
  const out = wayOut(ANDROID, new URL("https://ar.example/ar/5b0f?x=1"));
  assert.equal(out.kind, "android");
  assert.equal(out.link, "intent://ar.example/ar/5b0f?x=1#Intent;scheme=https;action=android.intent.action.VIEW;end");
  assert.deepEqual(wayOut(IPHONE, new URL("https://ar.example/")), { kind: "ios" });
  assert.deepEqual(wayOut("Mozilla/5.0 (X11; Linux)", new URL("https://ar.example/")), { kind: "other" });
});

test("each way a camera can fail has its reason", () => {
  assert.equal(reasonOf(new DOMException("", "NotAllowedError")), "denied");
  assert.equal(reasonOf(new DOMException("", "NotFoundError")), "noCamera");
  assert.equal(reasonOf(new DOMException("", "NotReadableError")), "cameraFailed");
  assert.equal(reasonOf("nonsense"), "cameraFailed");
});

test("the camera is asked for with wishes, never with demands", () => {
  const all = JSON.stringify([constraintsFor(null), constraintsFor("abc")]);
  assert.ok(!all.includes("exact") && !all.includes("min"));
  assert.deepEqual(constraintsFor("abc").video.deviceId, { ideal: "abc" });
  assert.equal(constraintsFor(null).audio, false);
});
