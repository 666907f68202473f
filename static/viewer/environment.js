/**
 * What this browser can do, asked before anything is promised; and the way out of browsers that cannot.
 */

/**
 * @returns {string | null} a reason code why the camera view cannot work here; null when it may
 */
export function obstacle() {
  if (!window.isSecureContext) return "insecure";
  if (!navigator.mediaDevices?.getUserMedia) return isInApp(navigator.userAgent) ? "inApp" : "unsupported";
  if (!hasWebGL()) return "noWebGL";
  return null;
}

function hasWebGL() {
  const canvas = document.createElement("canvas");
  const gl = canvas.getContext("webgl2") ?? canvas.getContext("webgl");
  if (!gl) return false;
  // Phones allow few contexts at a time: give this one back.
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return true;
}

/**
 * @param {string} userAgent
 * @returns {boolean} a browser inside another app, many of which have no camera
 */
export function isInApp(userAgent) {
  return /Instagram|FBAN|FBAV|FB_IAB|musical_ly|BytedanceWebview|TikTok|VKAndroidApp|VKClient|Telegram|Line\/|MicroMessenger|Snapchat|Pinterest|Twitter|OKApp|; wv\)/.test(
    userAgent,
  );
}

/**
 * @param {string} userAgent
 * @param {URL | Location} address of this page
 * @returns {{kind: "android", link: string} | {kind: "ios"} | {kind: "other"}} how to open it elsewhere
 */
export function wayOut(userAgent, address) {
  if (/Android/.test(userAgent)) {
    const bare = `${address.host}${address.pathname}${address.search}`;
    const scheme = address.protocol.replace(":", "");
    return {
      kind: "android",
      link: `intent://${bare}#Intent;scheme=${scheme};action=android.intent.action.VIEW;end`,
    };
  }
  if (/iPhone|iPad|iPod/.test(userAgent)) return { kind: "ios" };
  return { kind: "other" };
}
