/**
 * The AR page at work: carries out what the state machine says.
 *
 * @typedef {object} Config
 * @property {string} contentId
 * @property {string | null} markerUrl
 * @property {{width: number, height: number}} target the picture's raster
 * @property {{url: string, type: string, width: number, height: number, transparent: boolean} | null} video
 * @property {string | null} sessionUrl
 * @property {string | null} aliasUrl
 * @property {string} workerUrl
 * @property {Record<string, string>} texts
 */

import { Assets, Failure } from "./assets.js";
import { Camera, reasonOf } from "./camera.js";
import { Cutout } from "./cutout.js";
import { obstacle } from "./environment.js";
import { FrameLoop } from "./frames.js";
import { Overlay } from "./overlay.js";
import { Patience } from "./patience.js";
import { GRACE, INITIAL, reduce, usesCamera } from "./playback.js";
import { QualityMeter } from "./quality.js";
import { Telemetry, VisibleTime, cameraReason } from "./telemetry.js";
import { View } from "./view.js";

/** Reasons that the same page cannot overcome: what failed once in it would fail again. */
const NEEDS_RELOAD = new Set(["trackerFailed", "tooSlow", "markerPending"]);

/** Milliseconds a hidden page keeps its camera, so that a glance at a message costs no new permission. */
const KEEP_CAMERA = 20_000;

export class Page {
  /** @param {Config} config */
  constructor(config, root) {
    this.config = config;
    this.state = INITIAL;
    this.view = new View(root, config.texts);
    this.video = this.view.overlay;
    this.camera = new Camera(this.view.camera, () => {
      // In the background a phone may take it; coming back opens it again.
      if (!this.away) this.fail("cameraFailed");
    });
    const { cutout } = this.view;
    this.cutout = cutout && new Cutout(this.video, cutout, () => this.videoFailed());
    this.overlay = new Overlay(cutout ?? this.video, this.view.camera, config.target);
    this.assets = new Assets({ markerUrl: config.markerUrl, trackerUrl: root.dataset.tracker });
    this.loop = new FrameLoop(
      this.view.camera,
      (now) => this.onFrame(now),
      () => this.fail("trackerFailed"),
    );
    this.patience = new Patience((patience) => this.onPatience(patience));
    this.quality = new QualityMeter();
    this.telemetry = new Telemetry(config);
    this.time = new VisibleTime(performance.now());
    /** When the visitor tapped, the last time. */
    this.startedAt = 0;
    /** @type {Promise<import("./tracker.js").Tracker> | null} one for the page's life: GPU memory is dear */
    this.trackerMade = null;
    this.tracker = null;
    /** Changes whenever the camera view is started or left, so that what was under way can tell. */
    this.attempt = 0;
    this.wantsPlay = false;
    this.away = false;
    this.suspended = false;
    this.timers = { grace: 0, camera: 0 };
  }

  listen() {
    const { view, video } = this;
    view.start.addEventListener("click", () => this.start());
    view.retry.addEventListener("click", () => this.retry());
    view.watch.addEventListener("click", (event) => {
      event.preventDefault();
      this.dispatch({ type: "watch" });
    });
    view.sound.addEventListener("click", () => {
      video.muted = !video.muted;
      if (this.wantsPlay) this.play();
    });
    view.lens.addEventListener("click", () => this.switchLens());
    view.copy.addEventListener("click", () => view.copyLink());
    video.addEventListener("volumechange", () => view.showSound());
    video.addEventListener("playing", () => {
      view.buffering(false);
      this.cutout?.start();
      if (this.wantsPlay) this.telemetry.videoPlayed();
    });
    video.addEventListener("error", () => this.videoFailed());
    window.addEventListener("resize", () => this.overlay.refresh());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.leave();
      else this.comeBack();
    });
    window.addEventListener("pagehide", () => {
      this.leave();
      this.suspend();
    });
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) this.comeBack();
    });
    view.showSound();
  }

  /** @param {import("./playback.js").Event} event */
  dispatch(event) {
    const { state, effects } = reduce(this.state, event);
    const changed = state !== this.state;
    this.state = state;
    if (changed) {
      this.view.show(state);
      if (state.name === "searching") this.patience.begin("searching");
      else if (state.name !== "loading") this.patience.end();
      if (state.name === "watching") this.overlay.detach();
    }
    for (const effect of effects) this.carryOut(effect);
  }

  /** @param {import("./playback.js").Effect} effect */
  carryOut(effect) {
    if (effect === "play") this.play();
    else if (effect === "pause") this.pause();
    else if (effect === "startCamera") this.openCameraView();
    else if (effect === "stopCamera") this.closeCameraView();
    else if (effect === "armGrace") {
      this.timers.grace = setTimeout(() => this.dispatch({ type: "graceOver" }), GRACE);
    } else if (effect === "disarmGrace") clearTimeout(this.timers.grace);
  }

  /** @param {string} reason */
  fail(reason) {
    this.dispatch({ type: "fail", reason });
  }

  videoFailed() {
    if (this.state.name !== "idle") this.fail("videoFailed");
  }

  /** In the visitor's own tap: playing once here lets this element play with sound for ever after. */
  start() {
    this.startedAt = performance.now();
    this.telemetry.started();
    this.video.preload = "auto";
    this.video.muted = false;
    this.video.play().catch(() => {}); // interrupted by the pause that follows, as intended
    this.video.pause();
    this.dispatch({ type: "start" });
  }

  retry() {
    if (NEEDS_RELOAD.has(this.state.reason)) location.reload();
    else this.start();
  }

  async openCameraView() {
    const attempt = ++this.attempt;
    const stale = () => attempt !== this.attempt;
    const { camera, overlay, patience } = this;
    overlay.attach();
    const blocked = this.config.markerUrl === null ? "markerPending" : obstacle();
    if (blocked !== null) {
      if (blocked !== "markerPending") this.telemetry.cameraDenied("unsupported");
      this.fail(blocked);
      return;
    }
    patience.begin("camera");
    try {
      const opened = camera.open().then(
        () => {
          if (stale()) return;
          this.telemetry.cameraAllowed();
          patience.begin("loading");
          this.dispatch({ type: "phase", phase: "download" });
        },
        (error) => {
          this.telemetry.cameraDenied(cameraReason(error));
          throw new Failure(reasonOf(error), { cause: error });
        },
      );
      const { assets } = this;
      const [marker, code] = await Promise.all([assets.marker(), assets.tracker(), opened]);
      if (stale()) return;
      this.dispatch({ type: "phase", phase: "prepare" });
      this.trackerMade ??= this.makeTracker(code.Tracker, marker);
      this.tracker = await this.trackerMade;
      if (stale()) return;
      this.dispatch({ type: "ready" });
      this.loop.start();
      this.view.lens.hidden = (await camera.choices()).length < 2;
    } catch (error) {
      if (!stale()) this.fail(error instanceof Failure ? error.reason : "trackerFailed");
    }
  }

  async makeTracker(Tracker, marker) {
    const { workerUrl } = this.config;
    const tracker = await Tracker.create({ workerUrl, marker, video: this.camera.video });
    tracker.onContextLost(() => this.fail("trackerFailed"));
    return tracker;
  }

  closeCameraView() {
    this.attempt += 1;
    this.loop.stop();
    this.camera.stop();
    this.view.lens.hidden = true;
    this.telemetry.rate(this.quality.rating());
  }

  async onFrame(now) {
    const { corners } = await this.tracker.process(this.view.camera, now);
    if (!this.loop.running || !usesCamera(this.state)) return;
    const first = this.quality.findTime === null;
    this.quality.look(corners !== null, now);
    this.overlay.place(corners);
    this.dispatch({ type: corners === null ? "unseen" : "seen" });
    if (first && this.quality.findTime !== null) {
      this.telemetry.found(performance.now() - this.startedAt);
      this.telemetry.rate(this.quality.rating());
    }
  }

  /** @param {"hint" | "offer" | "over"} patience */
  onPatience(patience) {
    const { texts } = this.config;
    const { name, phase } = this.state;
    if (patience === "over") this.fail({ camera: "noAnswer", download: "slow", prepare: "tooSlow" }[phase]);
    else if (name === "searching") this.view.comfort(patience, texts.searchHint);
    else if (phase === "camera") this.view.comfort(patience, texts.cameraHint);
    else this.view.comfort(patience, patience === "hint" ? texts.slowHint : texts.slowOffer);
  }

  async play() {
    const { video } = this;
    this.wantsPlay = true;
    video.loop = this.state.name !== "watching";
    if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) this.view.buffering(true);
    try {
      await video.play();
    } catch (error) {
      // Sound needs a gesture this browser has not seen: without sound then, one tap from having it.
      if (error.name === "NotAllowedError" && !video.muted && this.wantsPlay) {
        video.muted = true;
        await this.play();
      }
    }
  }

  pause() {
    this.wantsPlay = false;
    this.video.pause();
  }

  async switchLens() {
    this.loop.stop();
    this.overlay.place(null);
    const { attempt } = this;
    try {
      if ((await this.camera.next()) && attempt === this.attempt) this.loop.start();
    } catch (error) {
      if (attempt === this.attempt) this.fail(reasonOf(error));
    }
  }

  /** Out of sight: may be for good, so everything worth telling is told now. */
  leave() {
    const now = performance.now();
    this.away = true;
    this.time.hide(now);
    this.telemetry.rate(this.quality.rating());
    this.telemetry.end(this.time.seconds(now));
    this.dispatch({ type: "away" });
    this.loop.stop();
    if (this.overlay.corners !== null) this.overlay.place(null);
    clearTimeout(this.timers.camera);
    this.timers.camera = setTimeout(() => this.suspend(), KEEP_CAMERA);
  }

  suspend() {
    if (!usesCamera(this.state)) return;
    this.suspended = true;
    this.attempt += 1;
    this.camera.stop();
  }

  async comeBack() {
    if (!this.away) return;
    this.away = false;
    this.time.show(performance.now());
    clearTimeout(this.timers.camera);
    if (!usesCamera(this.state)) return;
    const { suspended } = this;
    this.suspended = false;
    if (this.state.name === "loading") {
      if (suspended) await this.openCameraView();
      return;
    }
    const attempt = ++this.attempt;
    try {
      if (this.camera.live) await this.view.camera.play();
      else await this.camera.open();
      if (attempt === this.attempt) this.loop.start();
    } catch (error) {
      if (attempt === this.attempt) this.fail(reasonOf(error));
    }
  }
}
