/**
 * The matcher, off the main thread: descriptors of a camera frame against those of the compiled marker.
 * Answers with the matched point pairs themselves; the pose is fitted by the page without any assumption
 * about the camera's field of view.
 *
 * in:  {type: "setup", inputWidth, inputHeight, matchingDataList} | {type: "match", featurePoints}
 * out: {type: "ready"} | {type: "matchDone", pairs: {world: Point[], screen: Point[]} | null}
 */

import { Matcher } from "mind-ar/src/image-target/matching/matcher.js";

/** @type {Matcher | null} */
let matcher = null;
/** @type {object[]} keyframes of the one marker of the page */
let keyframes = [];

self.onmessage = ({ data }) => {
  if (data.type === "setup") {
    matcher = new Matcher(data.inputWidth, data.inputHeight);
    keyframes = data.matchingDataList[0];
    self.postMessage({ type: "ready" });
  } else if (data.type === "match") {
    const found = matcher.matchDetection(keyframes, data.featurePoints);
    const pairs =
      found.keyframeIndex === -1 ? null : { world: found.worldCoords, screen: found.screenCoords };
    self.postMessage({ type: "matchDone", pairs });
  } else if (data.type === "dispose") {
    self.close();
  }
};
