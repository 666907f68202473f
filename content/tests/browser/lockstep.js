/**
 * Puts a camera into the page whose frames arrive one at a time, when the test hands them over.
 *
 * The page's own calls stay the same: getUserMedia gives a stream, requestVideoFrameCallback calls back
 * once for each frame. Only the time it is told is made up, in steps of 1/30 s, so that a slow machine
 * measures the same as a fast one.
 */
(() => {
  if (!isSecureContext) return; // about:blank
  const STEP = 1000 / 30;
  const START = 10_000;
  const PATIENCE = 60_000;

  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const genuine = HTMLVideoElement.prototype.requestVideoFrameCallback;
  const genuineCancel = HTMLVideoElement.prototype.cancelVideoFrameCallback;
  let stream = null;
  let frames = 0;
  let handles = 0;
  let waiting = new Map();
  let asked = () => {};

  const isCamera = (video) => stream !== null && video.srcObject === stream;

  HTMLVideoElement.prototype.requestVideoFrameCallback = function request(callback) {
    if (!isCamera(this)) return genuine.call(this, callback);
    handles += 1;
    waiting.set(handles, callback);
    asked();
    return handles;
  };
  HTMLVideoElement.prototype.cancelVideoFrameCallback = function cancel(handle) {
    if (!isCamera(this)) genuineCancel.call(this, handle);
    else waiting.delete(handle);
  };

  /** Rejects after PATIENCE: the page hung, and the test shall say so. */
  const inTime = (promise, what) =>
    Promise.race([
      promise,
      new Promise((_, reject) => {
        setTimeout(() => reject(new Error(`lockstep: waited too long for ${what}`)), PATIENCE);
      }),
    ]);

  const lockstep = {
    /** Constraints of every getUserMedia call. */
    calls: [],

    /** Before the page's Start: the camera's size in pixels. */
    open(width, height) {
      canvas.width = width;
      canvas.height = height;
    },

    video() {
      return [...document.querySelectorAll("video")].find(isCamera) ?? null;
    },

    isAskedForFrame() {
      return waiting.size > 0;
    },

    /**
     * Shows a frame to the page, waits until the page has dealt with it and asks for the next.
     * @param {string} base64 an image file of the camera's size
     * @returns {Promise<object>} see measure()
     */
    async push(base64) {
      const video = lockstep.video();
      if (video === null) throw new Error("lockstep: the page has no camera");
      const letters = atob(base64);
      const bytes = new Uint8Array(letters.length);
      for (let n = 0; n < letters.length; n += 1) bytes[n] = letters.charCodeAt(n);
      const bitmap = await createImageBitmap(new Blob([bytes]));
      const arrived = new Promise((resolve) => {
        genuine.call(video, (_, metadata) => resolve(metadata));
      });
      context.drawImage(bitmap, 0, 0);
      bitmap.close();
      stream.getVideoTracks()[0].requestFrame();
      const metadata = await inTime(arrived, "the frame to arrive in the video");
      frames += 1;
      const now = START + frames * STEP;
      const callbacks = [...waiting.values()];
      waiting = new Map();
      const told = {
        ...metadata,
        presentationTime: now,
        expectedDisplayTime: now + STEP,
        mediaTime: now / 1000,
        presentedFrames: frames,
      };
      const asking = new Promise((resolve) => {
        asked = resolve;
      });
      if (callbacks.length > 0) {
        const work = Promise.all(callbacks.map((callback) => callback(now, told)));
        await inTime(Promise.all([work, asking]), "the page to ask for the next frame");
      }
      return lockstep.measure();
    },

    /**
     * @returns {{asked: boolean, state: string, opacity: number, corners: number[][] | null}}
     *   corners of #overlay in camera pixels; null while it is not shown
     */
    measure() {
      const overlay = document.getElementById("overlay");
      const opacity = overlay === null ? 0 : opacityOf(overlay);
      return {
        asked: waiting.size > 0,
        state: document.getElementById("viewer")?.dataset.state ?? "",
        opacity,
        corners: opacity > 0 ? cameraCorners(overlay, lockstep.video()) : null,
      };
    },
  };

  /** 0 when nothing of the element can be seen. */
  function opacityOf(element) {
    if (element.offsetWidth === 0 || getComputedStyle(element).visibility !== "visible") return 0;
    let opacity = 1;
    for (let node = element; node !== null; node = node.parentElement) {
      const style = getComputedStyle(node);
      if (style.display === "none") return 0;
      opacity *= Number(style.opacity);
    }
    return opacity;
  }

  /** From the element's own box to the viewport: each ancestor's offset and transform. */
  function toViewport(element) {
    const chain = [];
    for (let node = element; node instanceof HTMLElement; node = node.offsetParent) {
      chain.unshift(node);
    }
    let matrix = new DOMMatrix().translate(-scrollX, -scrollY);
    for (const node of chain) {
      const style = getComputedStyle(node);
      if (style.position === "fixed") matrix = new DOMMatrix();
      matrix = matrix.translate(node.offsetLeft, node.offsetTop);
      if (style.transform !== "none") {
        const [x, y, z = 0] = style.transformOrigin.split(" ").map(Number.parseFloat);
        matrix = matrix
          .translate(x, y, z)
          .multiply(new DOMMatrix(style.transform))
          .translate(-x, -y, -z);
      }
    }
    return matrix;
  }

  function viewportCorners(element) {
    const matrix = toViewport(element);
    const { offsetWidth: width, offsetHeight: height } = element;
    return [
      [0, 0],
      [width, 0],
      [width, height],
      [0, height],
    ].map(([x, y]) => {
      const point = matrix.transformPoint(new DOMPoint(x, y, 0, 1));
      return [point.x / point.w, point.y / point.w];
    });
  }
  lockstep.viewportCorners = () => viewportCorners(document.getElementById("overlay"));

  /** Undoes the camera video's object-fit: cover. */
  function cameraCorners(overlay, video) {
    const box = video.getBoundingClientRect();
    const style = getComputedStyle(video);
    if (style.objectFit !== "cover" || style.objectPosition !== "50% 50%") {
      throw new Error(`lockstep: the camera is shown as ${style.objectFit}, not as cover`);
    }
    const scale = Math.max(box.width / video.videoWidth, box.height / video.videoHeight);
    const left = box.left + (box.width - video.videoWidth * scale) / 2;
    const top = box.top + (box.height - video.videoHeight * scale) / 2;
    return viewportCorners(overlay).map(([x, y]) => [(x - left) / scale, (y - top) / scale]);
  }

  navigator.mediaDevices.getUserMedia = async (constraints) => {
    lockstep.calls.push(constraints);
    stream = canvas.captureStream(0);
    return stream;
  };
  navigator.mediaDevices.enumerateDevices = async () => [
    { kind: "videoinput", deviceId: "back", groupId: "phone", label: "camera2 0, facing back" },
  ];
  window.lockstep = lockstep;
})();
