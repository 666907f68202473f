/**
 * Lays the video on the picture in the camera's view.
 *
 * The element's box has the picture's own proportions and the video covers it (object-fit: cover), so a video
 * of other proportions is cropped, never stretched. The box is then carried onto the four corners by one
 * matrix3d, which the compositor applies without layout or paint.
 *
 * @typedef {import("./homography.js").Point} Point
 * @typedef {{width: number, height: number}} Size
 */

import { fitHomography, rectangle } from "./homography.js";

/** CSS pixels of the box's long side before it is transformed: enough for a sharp 720p video. */
const LONG_SIDE = 720;

/**
 * @param {Size} frame the camera's frame
 * @param {Size} view the element that shows it with object-fit: cover
 * @returns {(point: Point) => Point} from shares of the frame (0..1) to CSS pixels in the element
 */
export function coverMapping(frame, view) {
  const scale = Math.max(view.width / frame.width, view.height / frame.height);
  const width = frame.width * scale;
  const height = frame.height * scale;
  const left = (view.width - width) / 2;
  const top = (view.height - height) / 2;
  return ({ x, y }) => ({ x: left + x * width, y: top + y * height });
}

/**
 * @param {Size} box
 * @param {Point[]} corners where the box's corners go, in CSS pixels
 * @returns {string | null} a CSS transform for transform-origin 0 0; null when the corners span no area
 */
export function matrix3d(box, corners) {
  const h = fitHomography(rectangle(box.width, box.height), corners);
  if (h === null) return null;
  return `matrix3d(${[h[0], h[3], 0, h[6], h[1], h[4], 0, h[7], 0, 0, 1, 0, h[2], h[5], 0, h[8]].join(",")})`;
}

export class Overlay {
  /**
   * @param {HTMLVideoElement} element the video that plays on the picture
   * @param {HTMLVideoElement} camera
   * @param {Size} picture
   */
  constructor(element, camera, picture) {
    this.element = element;
    this.camera = camera;
    const scale = LONG_SIDE / Math.max(picture.width, picture.height);
    this.box = { width: picture.width * scale, height: picture.height * scale };
    /** @type {Point[] | null} */
    this.corners = null;
  }

  /** Takes the element out of the page's flow, unseen until it is placed. */
  attach() {
    const { style } = this.element;
    style.width = `${this.box.width}px`;
    style.height = `${this.box.height}px`;
    this.place(null);
  }

  /** Gives the element back to the style sheet. */
  detach() {
    const { style } = this.element;
    style.width = style.height = style.transform = style.visibility = "";
    this.corners = null;
  }

  /** @param {Point[] | null} corners as shares of the camera's frame; null hides the video */
  place(corners) {
    this.corners = corners;
    const { element, camera } = this;
    let transform = null;
    if (corners !== null) {
      const frame = { width: camera.videoWidth, height: camera.videoHeight };
      const view = { width: camera.clientWidth, height: camera.clientHeight };
      transform = matrix3d(this.box, corners.map(coverMapping(frame, view)));
    }
    if (transform !== null) element.style.transform = transform;
    element.style.visibility = transform === null ? "hidden" : "visible";
  }

  /** Puts the video where it was after the view has changed its size. */
  refresh() {
    if (this.corners !== null) this.place(this.corners);
  }
}
