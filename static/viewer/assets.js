/**
 * What the camera view needs beyond the page itself: the tracker's code and the compiled marker. Both are
 * fetched ahead once the first screen is painted, and once more on demand when that failed.
 */

/** Milliseconds after which a marker's download is given up. */
const MARKER_TIMEOUT = 20_000;

/** A failure with a reason code the page has words for. */
export class Failure extends Error {
  /** @param {string} reason */
  constructor(reason, options) {
    super(reason, options);
    this.reason = reason;
  }
}

/**
 * @param {string} url
 * @param {number} timeout milliseconds
 * @returns {Promise<ArrayBuffer>} rejects with a Failure: "markerMissing", or "slow" after the time-out
 */
export async function fetchMarker(url, timeout = MARKER_TIMEOUT) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeout);
  try {
    const response = await fetch(url, { signal: abort.signal, credentials: "omit" });
    if (!response.ok) throw new Failure("markerMissing");
    return await response.arrayBuffer();
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure(abort.signal.aborted ? "slow" : "markerMissing", { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** Calls a loader once, keeps its answer, and forgets a failure so that the next call tries again. */
function once(load) {
  let kept = null;
  return () => {
    kept ??= load().catch((error) => {
      kept = null;
      throw error;
    });
    return kept;
  };
}

export class Assets {
  /**
   * @param {{markerUrl: string, trackerUrl: string}} urls
   */
  constructor({ markerUrl, trackerUrl }) {
    /** @type {() => Promise<ArrayBuffer>} */
    this.marker = once(() => fetchMarker(markerUrl));
    /** @type {() => Promise<typeof import("./tracker.js")>} */
    this.tracker = once(() =>
      import(trackerUrl).catch((cause) => {
        throw new Failure("trackerFailed", { cause });
      }),
    );
  }

  /** Starts both downloads; a failure shows when they are asked for. */
  preload() {
    this.marker().catch(() => {});
    this.tracker().catch(() => {});
  }
}
