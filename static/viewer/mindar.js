/**
 * MindAR's controller, driven frame by frame and freed of its camera model.
 *
 * MindAR tracks with a pose (rotation and translation) under an assumed 45° field of view. Its template
 * tracker only ever multiplies that pose with the projection and drops the z column, so with an identity
 * projection any homography can take the pose's place. That is what this subclass does: what goes in and
 * what comes out are homographies and point pairs, and nothing depends on the phone's lens.
 */

import { Controller } from "mind-ar/src/image-target/controller.js";
import { Detector } from "mind-ar/src/image-target/detector/detector.js";
import { InputLoader } from "mind-ar/src/image-target/input-loader.js";
import { multiply } from "./homography.js";
import { backend, engine, tidy } from "./tfjs.js";

/** @typedef {import("./homography.js").Point} Point */
/** @typedef {import("./homography.js").Homography} Homography */
/** @typedef {{world: Point[], screen: Point[]}} Pairs */

const IDENTITY = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
];

/** Depth given to the middle of a homography, so that its terms fit 16-bit floats on weak GPUs. */
const DEPTH = 1000;

/** How far around the expected place MindAR's tracker looks, in template pixels. */
const SEARCH = 10;

/**
 * Where the correlation peaks, to a fraction of a template pixel: MindAR's own kernel takes the best whole
 * offset, this one adds the top of a parabola through it and its neighbours in each direction.
 */
function refinedOffsets(count) {
  const side = 2 * SEARCH + 1;
  return {
    variableNames: ["features", "properties", "sims", "best"],
    outputShape: [count, 2],
    userCode: `
      float similarity(int feature, int index) { return getSims(feature, index); }
      void main() {
        ivec2 coords = getOutputCoords();
        int feature = coords[0];
        int best = int(getBest(feature));
        int offset = coords[1] == 0 ? imod(best, ${side}) : best / ${side};
        int step = coords[1] == 0 ? 1 : ${side};
        float fraction = 0.0;
        if (offset > 0 && offset < ${side - 1}) {
          float before = similarity(feature, best - step);
          float peak = similarity(feature, best);
          float after = similarity(feature, best + step);
          float bend = before - 2.0 * peak + after;
          // Below -1 are marks for "outside the frame", not similarities.
          if (before > -1.0 && after > -1.0 && bend < -0.0001) {
            fraction = clamp(0.5 * (before - after) / bend, -0.5, 0.5);
          }
        }
        float shift = (float(offset - ${SEARCH}) + fraction) / getProperties(2);
        setOutput(getFeatures(feature, coords[1]) + shift);
      }
    `,
  };
}

/** Scales any frame to the input's size; MindAR's own loader trusts the element's attributes instead. */
class FrameLoader extends InputLoader {
  /**
   * @param {HTMLVideoElement | HTMLCanvasElement} input
   * @param {boolean} turned the frame's long side is the input's short one: turn it by 90° clockwise
   */
  loadInput(input, turned) {
    const { context, width, height } = this;
    if (turned) {
      context.setTransform(0, 1, -1, 0, width, 0);
      context.drawImage(input, 0, 0, height, width);
      context.setTransform(1, 0, 0, 1, 0, 0);
    } else {
      context.drawImage(input, 0, 0, width, height);
    }
    const gpu = backend();
    gpu.gpgpu.uploadPixelDataToTexture(gpu.getTexture(this.tempPixelHandle.dataId), context.canvas);
    return this._compileAndRun(this.program, [this.tempPixelHandle]);
  }
}

export class PlaneController extends Controller {
  /**
   * @param {{inputWidth: number, inputHeight: number}} size the frames' size in pixels
   */
  constructor({ inputWidth, inputHeight }) {
    super({ inputWidth, inputHeight });
    this.projectionTransform = IDENTITY;
    this.inputLoader = new FrameLoader(inputWidth, inputHeight);
    this.wide = new Detector(inputWidth, inputHeight);
    this.half = new Detector(Math.floor(inputWidth / 2), Math.floor(inputHeight / 2));
    /** What waits for the worker's next answer; one question at a time. */
    this.waiting = null;
    this.worker.onmessage = ({ data }) => this.waiting?.resolve(data.pairs);
    this.worker.onerror = () => this.waiting?.reject(new Error("the matcher's worker failed"));
    /** @type {Promise<void>} the worker has come up and taken the marker */
    this.ready = this.answer();
  }

  addImageTargetsFromBuffer(buffer) {
    const targets = super.addImageTargetsFromBuffer(buffer);
    const { tracker } = this;
    const original = tracker._computeMatching.bind(tracker);
    let refine = null;
    tracker._computeMatching = (features, pixels, properties, projected) => {
      if (refine === null) {
        refine = refinedOffsets(features.shape[0]);
        // The first call builds MindAR's own programs, which are then used piecewise.
        const first = original(features, pixels, properties, projected);
        first.matchingPointsT.dispose();
        first.simT.dispose();
      }
      const [correlate, , pick] = tracker.kernelCaches.computeMatching;
      return tidy(() => {
        const sims = tracker._compileAndRun(correlate, [features, pixels, properties, projected]);
        const best = sims.argMax(1);
        const matchingPointsT = tracker._compileAndRun(refine, [features, properties, sims, best]);
        const simT = tracker._compileAndRun(pick, [sims, best]);
        return { matchingPointsT, simT };
      });
    };
    const { points, scale } = tracker.trackingKeyframeList[0];
    this.templateScale = scale;
    this.templates = points.map(({ x, y }) => ({ x: (x + 0.5) / scale, y: (y + 0.5) / scale }));
    return targets;
  }

  answer() {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
    });
  }

  /**
   * Looks for the picture in the whole frame.
   *
   * @param {object} inputT the frame as a tensor
   * @param {"full" | "half"} resolution half looks at a quarter of the pixels
   * @returns {Promise<Pairs | null>}
   */
  async find(inputT, resolution) {
    const points =
      resolution === "full" ? this.wide.detect(inputT).featurePoints : this.detectHalf(inputT);
    this.worker.postMessage({ type: "match", featurePoints: points });
    const pairs = await this.answer();
    if (pairs === null) return null;
    // Key points are given at pixel centres; everything of ours counts from the corner of the image.
    const screen = pairs.screen.map(({ x, y }) => ({ x: x + 0.5, y: y + 0.5 }));
    return { world: pairs.world, screen };
  }

  detectHalf(inputT) {
    const smallT = tidy(() => engine().runKernel("DownsampleBilinear", { image: inputT }));
    const { featurePoints } = this.half.detect(smallT);
    smallT.dispose();
    for (const point of featurePoints) {
      point.x = 2 * point.x + 0.5;
      point.y = 2 * point.y + 0.5;
      point.scale *= 2;
    }
    return featurePoints;
  }

  /**
   * Looks for the marker's templates around where `h` puts them.
   *
   * @param {object} inputT
   * @param {Homography} h picture pixels to frame pixels, counted from the corner
   * @returns {Pairs}
   */
  follow(inputT, h) {
    // A template's pixel x covers the picture from x / scale to (x + 1) / scale, but MindAR samples the
    // frame at x / scale, and at pixel indices: half a template pixel and half a frame pixel to make up.
    const half = 0.5 / this.templateScale;
    const toTemplate = [1, 0, half, 0, 1, half, 0, 0, 1];
    const toIndices = [1, 0, -0.5, 0, 1, -0.5, 0, 0, 1];
    const sampled = multiply(toIndices, multiply(h, toTemplate));
    const k = DEPTH / sampled[8];
    const transform = [0, 3, 6].map((row) => [
      k * sampled[row],
      k * sampled[row + 1],
      0,
      k * sampled[row + 2],
    ]);
    const { worldCoords, screenCoords } = this.tracker.track(inputT, transform, 0);
    return {
      world: worldCoords.map(({ x, y }) => ({ x: x + half, y: y + half })),
      screen: screenCoords.map(({ x, y }) => ({ x: x + 0.5, y: y + 0.5 })),
    };
  }
}
