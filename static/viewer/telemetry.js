/**
 * Tells the server about the visit: that it began, how far the visitor came (started, camera, picture
 * found, video played), how well the picture was recognised, how long the page was looked at. Nothing here
 * may ever disturb the page.
 */

/** Milliseconds to wait for more to tell: one request instead of three. */
const GATHER = 1000;
/** How often a message is sent when the server asks to come again, and the longest it may ask for. */
const ATTEMPTS = 4;
const LONGEST_WAIT = 30_000;
/** How often in a row it is tried again by itself; after that only with the next news. */
const RETRIES = 6;
/** What the server takes for a time to find the picture, in milliseconds. */
const LONGEST_FIND = 4 * 3600 * 1000;

const CAMERA_REASONS = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotFoundError: "no_camera",
  OverconstrainedError: "no_camera",
  NotReadableError: "in_use",
  AbortError: "in_use",
  NotSupportedError: "unsupported",
  TypeError: "unsupported",
};

/**
 * @param {unknown} error what getUserMedia was rejected with
 * @returns {string} why there is no camera, in the words of the statistics
 */
export function cameraReason(error) {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  return CAMERA_REASONS[name] ?? "other";
}

/**
 * @param {Pick<Crypto, "getRandomValues"> & Partial<Crypto>} [source]
 * @returns {string} a version 4 UUID, also where randomUUID is missing (http on a local network)
 */
export function newSessionId(source = crypto) {
  if (source.randomUUID) return source.randomUUID();
  const bytes = source.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Adds up the seconds during which the page was in view. */
export class VisibleTime {
  /** @param {number} now milliseconds */
  constructor(now) {
    this.total = 0;
    this.since = now;
  }

  show(now) {
    if (this.since === null) this.since = now;
  }

  hide(now) {
    if (this.since !== null) this.total += now - this.since;
    this.since = null;
  }

  /** @returns {number} whole seconds */
  seconds(now) {
    return Math.round((this.total + (this.since === null ? 0 : now - this.since)) / 1000);
  }
}

export class Telemetry {
  /**
   * @param {{contentId: string, sessionUrl: string | null, aliasUrl: string | null}} config
   *   without an address nothing is told: somebody of the staff looks at a preview
   * @param {{fetch?: typeof fetch, beacon?: (url: string, body: string) => boolean,
   *   userAgent?: string, wait?: (milliseconds: number) => Promise<void>}} [outside]
   */
  constructor(config, outside = {}) {
    this.config = config;
    this.fetch = outside.fetch ?? ((url, options) => fetch(url, options));
    this.beacon = outside.beacon ?? ((url, body) => navigator.sendBeacon?.(url, body) ?? false);
    this.userAgent = outside.userAgent ?? navigator.userAgent;
    this.wait = outside.wait ?? ((milliseconds) => new Promise((done) => setTimeout(done, milliseconds)));
    this.sessionId = newSessionId();
    this.base = config.sessionUrl;
    /** The server knows of the visit. */
    this.begun = false;
    /** What was told already, and what is yet to be sent. */
    this.told = {};
    this.pending = {};
    /** A flush is under way, and how many have failed in a row. */
    this.scheduled = false;
    this.failures = 0;
    /** Messages go one after the other: an update must not overtake the beginning. */
    this.queue = Promise.resolve();
  }

  start() {
    return this.line(() => this.begin().catch(() => this.tryAgain()));
  }

  /** The visitor has tapped Start. */
  started() {
    this.tell({ started: true });
  }

  cameraAllowed() {
    if (this.told.camera !== "allowed") this.tell({ camera: "allowed", camera_reason: undefined });
  }

  /** @param {string} reason of `cameraReason`, or "unsupported" where no camera could be asked for */
  cameraDenied(reason) {
    if (this.told.camera === undefined) this.tell({ camera: "denied", camera_reason: reason });
  }

  /** @param {number} milliseconds from the visitor's start; the first time counts */
  found(milliseconds) {
    if (this.told.found_ms !== undefined) return;
    this.tell({ found_ms: Math.min(Math.max(Math.round(milliseconds), 0), LONGEST_FIND) });
  }

  /** @param {"good" | "fair" | "poor" | null} quality sent when it says something new */
  rate(quality) {
    if (quality !== null) this.tell({ tracking_quality: quality });
  }

  videoPlayed() {
    this.tell({ video_played: true });
  }

  /** @param {number} seconds in view so far; may be sent again, the server keeps the greatest */
  end(seconds) {
    if (!this.base) return;
    const { begun } = this;
    const last = () => this.sendNow(`${this.visitUrl}/end`, { duration_seconds: seconds });
    if (!begun) this.sendNow(this.base, this.beginning);
    this.sendNow(this.visitUrl, begun ? this.take() : this.pending);
    last();
    // Nobody says whether the server took these: once more in turn, should the page live on.
    if (!begun) this.line(() => this.flush()).then(last);
  }

  get beginning() {
    return {
      ar_content_unique_id: this.config.contentId,
      session_id: this.sessionId,
      user_agent: this.userAgent,
    };
  }

  get visitUrl() {
    return `${this.base}/${this.sessionId}`;
  }

  /** The page may be gone a moment later: without waiting for anything. */
  sendNow(url, fields) {
    if (fields === null || Object.keys(fields).length === 0) return;
    const body = JSON.stringify(fields);
    if (!this.beacon(url, body)) this.post(url, body).catch(() => {});
  }

  /** Adds what is new to what goes with the next message. */
  tell(fields) {
    const news = Object.entries(fields).filter(([name, value]) => this.told[name] !== value);
    if (!this.base || news.length === 0) return;
    Object.assign(this.told, Object.fromEntries(news));
    Object.assign(this.pending, Object.fromEntries(news));
    this.schedule(GATHER);
  }

  schedule(milliseconds) {
    if (this.scheduled) return;
    this.scheduled = true;
    this.line(async () => {
      await this.wait(milliseconds);
      this.scheduled = false;
      await this.flush();
    });
  }

  tryAgain() {
    if (++this.failures > RETRIES) return;
    this.schedule(Math.min(GATHER * 2 ** this.failures, LONGEST_WAIT));
  }

  /** @returns {object | null} what is yet to be sent, now in the caller's hands */
  take() {
    const fields = this.pending;
    this.pending = {};
    return Object.keys(fields).length === 0 ? null : fields;
  }

  /** @returns {Promise<void>} never rejects: a lost statistic keeps neither the visitor nor the next one */
  line(work) {
    if (this.base) this.queue = this.queue.then(work).catch(() => {});
    return this.queue;
  }

  async begin() {
    if (!this.begun) this.begun = await this.deliver(() => this.base, this.beginning);
  }

  async flush() {
    let fields = null;
    try {
      await this.begin();
      fields = this.begun ? this.take() : null;
      if (fields !== null) await this.deliver(() => this.visitUrl, fields);
    } catch {
      this.pending = { ...fields, ...this.pending };
      this.tryAgain();
    }
  }

  /**
   * @param {() => string} address asked again after the base has changed
   * @returns {Promise<boolean>} whether the server has taken it or refused it for good; rejects when
   *   it was not reached, or could not say
   */
  async deliver(address, fields) {
    const body = JSON.stringify(fields);
    for (let attempt = 1; ; attempt++) {
      const response = await this.reach(address, body);
      if (response.status !== 429 && response.status < 500) {
        this.failures = 0;
        return response.ok;
      }
      if (attempt === ATTEMPTS) throw new Error(`${response.status}`);
      const seconds = Number(response.headers.get("Retry-After")) || 1;
      await this.wait(Math.min(seconds * 1000, LONGEST_WAIT));
    }
  }

  async reach(address, body) {
    try {
      return await this.post(address(), body);
    } catch (error) {
      // Blocked on the way, by an ad blocker as a rule: the same door under a neutral name.
      if (this.base === this.config.aliasUrl) throw error;
      const former = this.base;
      this.base = this.config.aliasUrl;
      try {
        return await this.post(address(), body);
      } catch (again) {
        this.base = former;
        throw again;
      }
    }
  }

  /** Rejects when the request never reached the server; an answer of any kind is an answer. */
  post(url, body) {
    return this.fetch(url, {
      method: "POST",
      body,
      headers: { "Content-Type": "application/json" },
      credentials: "omit",
      keepalive: true,
    });
  }
}
