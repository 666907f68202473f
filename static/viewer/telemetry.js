/**
 * Tells the server about the visit: that it began, how well the picture was recognised, that the video
 * played, how long the page was looked at. Nothing here may ever disturb the page.
 */

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
   *   userAgent?: string}} [outside]
   */
  constructor(config, outside = {}) {
    this.config = config;
    this.fetch = outside.fetch ?? ((url, options) => fetch(url, options));
    this.beacon = outside.beacon ?? ((url, body) => navigator.sendBeacon?.(url, body) ?? false);
    this.userAgent = outside.userAgent ?? navigator.userAgent;
    this.sessionId = newSessionId();
    this.base = config.sessionUrl;
    this.quality = null;
    this.played = false;
    /** Messages go one after the other: an update must not overtake the beginning. */
    this.queue = Promise.resolve();
  }

  start() {
    return this.send({});
  }

  /** @param {"good" | "fair" | "poor" | null} quality sent when it says something new */
  rate(quality) {
    if (quality === null || quality === this.quality) return;
    this.quality = quality;
    this.send({ tracking_quality: quality });
  }

  videoPlayed() {
    if (this.played) return;
    this.played = true;
    this.send({ video_played: true });
  }

  /** @param {number} seconds in view so far; may be sent again, the server keeps the greatest */
  end(seconds) {
    if (!this.base) return;
    const url = `${this.base}/${this.sessionId}/end`;
    const body = JSON.stringify({ duration_seconds: seconds });
    if (!this.beacon(url, body)) this.post(url, body).catch(() => {});
  }

  /** @returns {Promise<void>} never rejects */
  send(fields) {
    if (!this.base) return this.queue;
    const body = JSON.stringify({
      ar_content_unique_id: this.config.contentId,
      session_id: this.sessionId,
      user_agent: this.userAgent,
      ...fields,
    });
    // A lost statistic is no reason to bother the visitor, nor to keep the next one back.
    this.queue = this.queue.then(() => this.deliver(body)).catch(() => {});
    return this.queue;
  }

  async deliver(body) {
    try {
      await this.post(this.base, body);
    } catch (error) {
      // Blocked on the way, by an ad blocker as a rule: the same door under a neutral name.
      if (this.base === this.config.aliasUrl) throw error;
      await this.post(this.config.aliasUrl, body);
      this.base = this.config.aliasUrl;
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
