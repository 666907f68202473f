/**
 * The heavy part of the page, imported on demand: WebGL, MindAR's controller, the pursuit of the picture and
 * the smoothing of its corners.
 *
 * @typedef {import("./homography.js").Point} Point
 */

import { PlaneController } from "./mindar.js";
import { Pursuit } from "./pursuit.js";
import { CornerFilter } from "./smoothing.js";
import { backend, ready } from "./tfjs.js";
import { setWorkerUrl } from "./worker-handle.js";

/** Frames are tracked at about this many pixels, whatever the camera gives: 640 x 480. */
const AREA = 640 * 480;

/**
 * @param {number} width of the camera's frames
 * @param {number} height
 * @returns {{width: number, height: number}} multiples of 16 with the same proportions
 */
export function inputSize(width, height) {
  const scale = Math.sqrt(AREA / (width * height));
  const round = (value) => Math.max(16, 16 * Math.round((value * scale) / 16));
  return { width: round(width), height: round(height) };
}

const breathe = () => new Promise((resolve) => setTimeout(resolve));

export class Tracker {
  /**
   * @param {{workerUrl: string, marker: ArrayBuffer, video: HTMLVideoElement}} options
   *   video: already playing, so that its size is known
   * @returns {Promise<Tracker>} warmed up; rejects when WebGL, the marker or the worker fails
   */
  static async create({ workerUrl, marker, video }) {
    await ready();
    const size = inputSize(video.videoWidth, video.videoHeight);
    setWorkerUrl(workerUrl);
    const controller = new PlaneController({ inputWidth: size.width, inputHeight: size.height });
    const { dimensions } = controller.addImageTargetsFromBuffer(marker);
    await controller.ready;
    const tracker = new Tracker(controller, size, { width: dimensions[0][0], height: dimensions[0][1] });
    await tracker.warmUp(video);
    return tracker;
  }

  constructor(controller, size, picture) {
    this.controller = controller;
    this.size = size;
    this.picture = picture;
    this.pursuit = new Pursuit({ finder: controller, picture, frame: size });
    this.smoothing = new CornerFilter();
    this.turned = false;
  }

  /** Compiles the shaders one stage at a time, so that the page stays alive meanwhile. */
  async warmUp(video) {
    const inputT = this.controller.inputLoader.loadInput(video, false);
    await breathe();
    const { width, height } = this.picture;
    const scale = Math.min(this.size.width / width, this.size.height / height);
    this.controller.follow(inputT, [scale, 0, 0, 0, scale, 0, 0, 0, 1]);
    await breathe();
    await this.controller.find(inputT, "full");
    await breathe();
    await this.controller.find(inputT, "half");
    inputT.dispose();
  }

  /**
   * @param {HTMLVideoElement} video the camera, at the frame to look at
   * @param {number} now milliseconds
   * @returns {Promise<{corners: Point[] | null, measured: boolean}>} corners as shares (0..1) of the
   *   frame's width and height
   */
  async process(video, now) {
    const turned = video.videoWidth > video.videoHeight !== this.size.width > this.size.height;
    if (turned !== this.turned) {
      this.turned = turned;
      this.pursuit.forget();
      this.smoothing.reset();
    }
    const inputT = this.controller.inputLoader.loadInput(video, turned);
    try {
      const { corners, measured } = await this.pursuit.step(inputT, now);
      if (corners === null) {
        this.smoothing.reset();
        return { corners: null, measured };
      }
      const steady = this.smoothing.filter(corners, now);
      return { corners: steady.map((point) => this.toShares(point)), measured };
    } finally {
      inputT.dispose();
    }
  }

  toShares({ x, y }) {
    const across = x / this.size.width;
    const down = y / this.size.height;
    return this.turned ? { x: down, y: 1 - across } : { x: across, y: down };
  }

  /** @param {() => void} listener called when the browser takes the GPU away */
  onContextLost(listener) {
    backend().gpgpu.gl.canvas.addEventListener("webglcontextlost", listener);
  }
}
