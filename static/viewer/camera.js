/**
 * The phone's camera: opened once per tap, never while the page loads.
 */

const REMEMBERED = "arv-camera";

/** @returns {string | null} the camera this visitor chose before */
function remembered() {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null; // storage may be forbidden, and the choice is a convenience only
  }
}

function remember(deviceId) {
  try {
    localStorage.setItem(REMEMBERED, deviceId);
  } catch {
    // as above
  }
}

/**
 * @param {unknown} error what getUserMedia was rejected with
 * @returns {string} a reason code of the page
 */
export function reasonOf(error) {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "noCamera";
  return "cameraFailed";
}

/**
 * @param {string | null} deviceId
 * @returns {MediaStreamConstraints} wishes only: an `exact` one would refuse a camera that works
 */
export function constraintsFor(deviceId) {
  const video = { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 720 } };
  if (deviceId) video.deviceId = { ideal: deviceId };
  return { audio: false, video };
}

export class Camera {
  /**
   * @param {HTMLVideoElement} video
   * @param {() => void} onEnded the camera was taken away while in use
   */
  constructor(video, onEnded) {
    this.video = video;
    this.onEnded = onEnded;
    /** @type {MediaStream | null} */
    this.stream = null;
    /** Changes when a request is overtaken by a later one, or by stop(). */
    this.request = 0;
  }

  get live() {
    return this.stream !== null && this.stream.getVideoTracks().some((track) => track.readyState === "live");
  }

  /**
   * One getUserMedia call.
   * @param {string | null} [deviceId] one camera rather than the remembered one
   * @returns {Promise<boolean>} showing frames; false when stop() came first
   */
  async open(deviceId = remembered()) {
    this.stop();
    const request = this.request;
    const stream = await navigator.mediaDevices.getUserMedia(constraintsFor(deviceId));
    if (request !== this.request) {
      for (const track of stream.getTracks()) track.stop();
      return false;
    }
    this.stream = stream;
    this.video.srcObject = stream;
    stream.getVideoTracks()[0].addEventListener("ended", () => {
      if (request === this.request) this.onEnded();
    });
    try {
      await this.video.play();
    } catch (cause) {
      // Not to be taken for a refused permission, which has the same name.
      if (request !== this.request) return false;
      throw new Error("the camera's picture does not play", { cause });
    }
    if (this.video.videoWidth === 0) {
      await new Promise((resolve) => this.video.addEventListener("resize", resolve, { once: true }));
    }
    return request === this.request;
  }

  stop() {
    this.request += 1;
    if (this.stream !== null) for (const track of this.stream.getTracks()) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }

  /**
   * Phones with several lenses may open the wrong one: the labels are known once the camera is allowed.
   * @returns {Promise<string[]>} ids of the cameras to go through
   */
  async choices() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    const cameras = devices.filter((device) => device.kind === "videoinput" && device.deviceId);
    const back = cameras.filter(({ label }) => /back|rear|environment|задн/i.test(label));
    return (back.length > 0 ? back : cameras).map((device) => device.deviceId);
  }

  /** The next camera after the one in use, remembered for the next visit. */
  async next() {
    const ids = await this.choices();
    const current = this.stream?.getVideoTracks()[0]?.getSettings().deviceId;
    const id = ids[(ids.indexOf(current ?? "") + 1) % ids.length];
    const opened = await this.open(id);
    if (opened) remember(id);
    return opened;
  }
}
