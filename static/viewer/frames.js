/**
 * Hands over the camera's frames, each once, the newest one when the last has been dealt with.
 */

export class FrameLoop {
  /**
   * @param {HTMLVideoElement} video
   * @param {(now: number) => Promise<void>} onFrame now: the frame's own time in milliseconds
   * @param {(error: unknown) => void} onError the loop has stopped
   */
  constructor(video, onFrame, onError) {
    this.video = video;
    this.onFrame = onFrame;
    this.onError = onError;
    /** Changes with every start and stop, so that a frame under way does not restart a stopped loop. */
    this.generation = 0;
    this.running = false;
    /** The frame being dealt with: after a quick stop and start the next one waits for it. */
    this.work = Promise.resolve();
  }

  start() {
    if (this.running) return;
    this.running = true;
    this.generation += 1;
    this.request(this.generation);
  }

  stop() {
    this.running = false;
    this.generation += 1;
  }

  request(generation) {
    const { video } = this;
    if ("requestVideoFrameCallback" in video) {
      video.requestVideoFrameCallback((now) => this.handle(now, generation));
      return;
    }
    // Older browsers: look at every repaint whether the camera has moved on.
    let seen = video.currentTime;
    const poll = (now) => {
      if (generation !== this.generation) return;
      if (video.readyState >= 2 && video.currentTime !== seen) {
        seen = video.currentTime;
        this.handle(now, generation);
      } else {
        requestAnimationFrame(poll);
      }
    };
    requestAnimationFrame(poll);
  }

  /** @returns {Promise<void>} settled when the frame has been dealt with and the next one asked for */
  async handle(now, generation) {
    if (generation !== this.generation) return;
    const turn = this.work.then(() => (generation === this.generation ? this.onFrame(now) : undefined));
    this.work = turn.catch(() => {}); // reported below
    try {
      await turn;
    } catch (error) {
      if (generation === this.generation) {
        this.stop();
        this.onError(error);
      }
      return;
    }
    if (generation === this.generation) this.request(generation);
  }
}
