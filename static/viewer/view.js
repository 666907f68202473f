/**
 * The page's words and controls: shows a state, knows nothing of cameras.
 *
 * @typedef {import("./playback.js").State} State
 */

import { isInApp, wayOut } from "./environment.js";
import { usesCamera } from "./playback.js";

/** Reasons another browser would help with. */
const OTHER_BROWSER = new Set(["inApp", "unsupported", "noWebGL", "noCamera"]);

export class View {
  /**
   * @param {HTMLElement} root
   * @param {Record<string, string>} texts in the visitor's language
   */
  constructor(root, texts) {
    this.root = root;
    this.texts = texts;
    const find = (id) => document.getElementById(id);
    this.start = find("start");
    this.camera = find("camera");
    this.overlay = find("overlay");
    /** Where a transparent video is shown instead of by its own element. */
    this.cutout = find("cutout");
    this.watch = find("watch");
    this.status = find("status");
    this.notice = find("notice");
    this.reason = find("reason");
    this.retry = find("retry");
    this.sound = find("sound");
    this.lens = find("lens");
    this.browser = find("browser");
    this.copy = find("copy");
  }

  /** @param {State} state */
  show(state) {
    const { root } = this;
    root.dataset.state = state.name;
    root.dataset.phase = state.phase ?? "";
    root.dataset.reason = state.reason ?? "";
    delete root.dataset.patience;
    root.classList.toggle("live", usesCamera(state));
    this.overlay.controls = state.name === "watching";
    this.say(this.words(state));
    this.explain(state);
    // The control that was used is gone: keyboards and screen readers go on from here.
    if (state.name === "loading" || state.name === "watching") root.focus({ preventScroll: true });
  }

  words({ name, phase }) {
    const { texts } = this;
    if (name === "loading") {
      return { camera: texts.phaseCamera, download: texts.phaseDownload, prepare: texts.phasePrepare }[phase];
    }
    return { searching: texts.searching, tracking: texts.found, lost: texts.lost }[name] ?? "";
  }

  /** @param {string} words read out by screen readers when they change */
  say(words) {
    if (this.status.textContent !== words) this.status.textContent = words;
  }

  /**
   * Nothing has happened for a while.
   * @param {"hint" | "offer"} patience
   * @param {string} words
   */
  comfort(patience, words) {
    this.root.dataset.patience = patience;
    this.say(words);
  }

  /** @param {boolean} waiting the video is wanted but has nothing to show yet */
  buffering(waiting) {
    if (waiting && this.root.dataset.state === "tracking") this.say(this.texts.videoLoading);
    this.root.toggleAttribute("data-buffering", waiting);
  }

  /** Why the camera view is not there, and what can be done about it. */
  explain({ name, reason }) {
    const { texts } = this;
    this.notice.hidden = name !== "watching";
    if (name !== "watching") return;
    this.reason.textContent = texts[reason ?? "watchingHint"];
    this.retry.textContent = reason === null ? texts.openCamera : texts.retry;
    const agent = navigator.userAgent;
    const elsewhere = OTHER_BROWSER.has(reason) || (reason === "denied" && isInApp(agent));
    const out = wayOut(agent, location);
    this.copy.hidden = !elsewhere;
    this.browser.hidden = !elsewhere || out.kind !== "android";
    if (out.kind === "android") this.browser.href = out.link;
    if (elsewhere && out.kind === "ios") this.reason.textContent += ` ${texts.openSafari}`;
  }

  /** Says the same as the video: muted or not. */
  showSound() {
    const { muted } = this.overlay;
    this.sound.setAttribute("aria-label", muted ? this.texts.soundOn : this.texts.soundOff);
    this.sound.dataset.muted = String(muted);
  }

  async copyLink() {
    const address = location.href;
    try {
      await navigator.clipboard.writeText(address);
      this.copy.textContent = this.texts.copied;
    } catch {
      // No clipboard here: show the address, ready to be copied by hand.
      window.prompt(this.texts.copyLink, address);
    }
  }
}
