/**
 * What the page is doing, as a pure state machine: a state and an event give the next state and what has to
 * be done about it. The page carries it out and shows the state as data-state on its root element.
 *
 *   idle ──start──► loading ──ready──► searching ──seen──► tracking ──unseen──► lost ──seen──► tracking
 *                                          ▲                                      └──graceOver──► searching
 *   any ──watch──► watching ──start──► loading        loading or later ──fail(reason)──► watching
 *
 * @typedef {"idle" | "loading" | "searching" | "tracking" | "lost" | "watching"} Name
 * @typedef {"camera" | "download" | "prepare"} Phase
 * @typedef {"play" | "pause" | "startCamera" | "stopCamera" | "armGrace" | "disarmGrace"} Effect
 * @typedef {{name: Name, phase: Phase | null, reason: string | null}} State
 * @typedef {{type: "start"} | {type: "phase", phase: Phase} | {type: "ready"} | {type: "seen"}
 *   | {type: "unseen"} | {type: "graceOver"} | {type: "away"} | {type: "watch"}
 *   | {type: "fail", reason: string}} Event
 */

/** Milliseconds the video plays on after the picture was lost: a shaking hand must not stutter it. */
export const GRACE = 600;

/** @type {State} */
export const INITIAL = { name: "idle", phase: null, reason: null };

/**
 * @param {State} state
 * @returns {boolean} the camera is, or is about to be, in use
 */
export function usesCamera(state) {
  return state.name !== "idle" && state.name !== "watching";
}

/**
 * @param {Name} name
 * @param {Effect[]} effects
 */
function to(name, effects = [], { phase = null, reason = null } = {}) {
  return { state: { name, phase, reason }, effects };
}

/**
 * @param {State} state
 * @param {Event} event
 * @returns {{state: State, effects: Effect[]}} the same state object when the event changes nothing
 */
export function reduce(state, event) {
  const same = { state, effects: [] };
  switch (event.type) {
    case "start":
      if (usesCamera(state)) return same;
      return to("loading", ["pause", "startCamera"], { phase: "camera" });
    case "phase":
      return state.name === "loading" && state.phase !== event.phase
        ? to("loading", [], { phase: event.phase })
        : same;
    case "ready":
      return state.name === "loading" ? to("searching") : same;
    case "seen":
      if (state.name === "searching") return to("tracking", ["play"]);
      if (state.name === "lost") return to("tracking", ["disarmGrace", "play"]);
      return same;
    case "unseen":
      return state.name === "tracking" ? to("lost", ["armGrace"]) : same;
    case "graceOver":
      return state.name === "lost" ? to("searching", ["pause"]) : same;
    case "away":
      if (state.name === "tracking" || state.name === "lost") return to("searching", ["disarmGrace", "pause"]);
      if (state.name === "watching") return { state, effects: ["pause"] };
      return same;
    case "watch":
      if (state.name === "watching") return same;
      return to("watching", ["disarmGrace", "stopCamera", "play"]);
    case "fail":
      if (state.name === "watching") {
        // The first reason stands, unless now there is no video either.
        return event.reason === "videoFailed" ? to("watching", [], { reason: event.reason }) : same;
      }
      return to("watching", ["disarmGrace", "stopCamera", "play"], { reason: event.reason });
    default:
      return same;
  }
}
