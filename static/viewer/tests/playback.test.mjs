import assert from "node:assert/strict";
import { test } from "node:test";

import { INITIAL, reduce, usesCamera } from "../playback.js";

function after(...events) {
  let state = INITIAL;
  let effects = [];
  for (const event of events) ({ state, effects } = reduce(state, typeof event === "string" ? { type: event } : event));
  return { state, effects };
}

const SEARCHING = ["start", { type: "phase", phase: "download" }, { type: "phase", phase: "prepare" }, "ready"];

test("a visit goes from the first screen to the video on the picture", () => {
  assert.equal(after("start").state.name, "loading");
  assert.deepEqual(after("start").effects, ["pause", "startCamera"]);
  assert.equal(after(...SEARCHING).state.name, "searching");
  const { state, effects } = after(...SEARCHING, "seen");
  assert.equal(state.name, "tracking");
  assert.deepEqual(effects, ["play"]);
});

test("a short loss does not pause the video", () => {
  const lost = after(...SEARCHING, "seen", "unseen");
  assert.equal(lost.state.name, "lost");
  assert.deepEqual(lost.effects, ["armGrace"]);
  const back = after(...SEARCHING, "seen", "unseen", "seen");
  assert.equal(back.state.name, "tracking");
  assert.deepEqual(back.effects, ["disarmGrace", "play"]);
});

test("a long loss pauses it, and the search goes on", () => {
  const { state, effects } = after(...SEARCHING, "seen", "unseen", "graceOver");
  assert.equal(state.name, "searching");
  assert.deepEqual(effects, ["pause"]);
});

test("frames that change nothing have no effect", () => {
  for (const events of [[...SEARCHING, "unseen"], [...SEARCHING, "seen", "seen"], ["seen"], ["graceOver"]]) {
    assert.deepEqual(after(...events).effects, []);
  }
});

test("every failure with the camera leads to the video and keeps its reason", () => {
  for (const events of [["start"], SEARCHING, [...SEARCHING, "seen"], [...SEARCHING, "seen", "unseen"]]) {
    const { state, effects } = after(...events, { type: "fail", reason: "denied" });
    assert.deepEqual(state, { name: "watching", phase: null, reason: "denied" });
    assert.deepEqual(effects, ["disarmGrace", "stopCamera", "play"]);
    assert.equal(usesCamera(state), false);
  }
});

test("the first reason stays when another failure follows, unless the video itself fails", () => {
  const { state } = after("start", { type: "fail", reason: "noWebGL" }, { type: "fail", reason: "slow" });
  assert.equal(state.reason, "noWebGL");
  const { state: worse, effects } = after("watch", { type: "fail", reason: "videoFailed" });
  assert.deepEqual([worse.reason, effects], ["videoFailed", []]);
});

test("watching is one tap away from everywhere, and so is the camera from watching", () => {
  for (const events of [[], ["start"], SEARCHING, [...SEARCHING, "seen"]]) {
    assert.equal(after(...events, "watch").state.name, "watching");
  }
  assert.deepEqual(after("watch", "start").effects, ["pause", "startCamera"]);
});

test("what arrives after the camera view was left is ignored", () => {
  for (const late of ["ready", "seen", "unseen", "graceOver", { type: "phase", phase: "prepare" }]) {
    assert.deepEqual(after("start", "watch", late), { state: after("watch").state, effects: [] });
  }
});

test("a hidden page pauses whatever plays", () => {
  assert.deepEqual(after(...SEARCHING, "seen", "away").effects, ["disarmGrace", "pause"]);
  assert.equal(after(...SEARCHING, "seen", "away").state.name, "searching");
  assert.deepEqual(after("watch", "away").effects, ["pause"]);
  assert.deepEqual(after("start", "away").effects, []);
});
