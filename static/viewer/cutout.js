/**
 * Shows a video that carries its own transparency: the left half of each frame is the picture, the right half
 * says in grey how opaque it is. Browsers share no codec with an alpha channel, but all of them play this.
 */

import { FrameLoop } from "./frames.js";

const VERTEX = `
attribute vec2 corner;
varying vec2 at;
void main() {
  at = vec2(corner.x, 1.0 - corner.y);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

// Half a texel away from the seam, or each half would bleed into the other.
const FRAGMENT = `
precision mediump float;
uniform sampler2D frame;
uniform float halfTexel;
varying vec2 at;
void main() {
  float x = clamp(at.x * 0.5, halfTexel, 0.5 - halfTexel);
  vec3 colour = texture2D(frame, vec2(x, at.y)).rgb;
  float alpha = texture2D(frame, vec2(x + 0.5, at.y)).r;
  gl_FragColor = vec4(colour * alpha, alpha);
}`;

/** @returns {WebGLProgram} */
function programOf(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  return program;
}

export class Cutout {
  /**
   * @param {HTMLVideoElement} video twice as wide as what is shown; from this host, or its frames cannot be read
   * @param {HTMLCanvasElement} canvas
   * @param {() => void} onError the frames cannot be drawn any more
   */
  constructor(video, canvas, onError) {
    this.video = video;
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl", { premultipliedAlpha: true, antialias: false });
    this.loop = new FrameLoop(video, async () => this.draw(), onError);
    if (this.gl) {
      this.prepare();
      canvas.addEventListener("webglcontextlost", onError);
    }
  }

  prepare() {
    const { gl } = this;
    const program = programOf(gl);
    gl.useProgram(program);
    this.halfTexel = gl.getUniformLocation(program, "halfTexel");
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
    const corner = gl.getAttribLocation(program, "corner");
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) {
      gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
    }
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
  }

  /** Draws each frame from now on; those of a paused video are not new ones, so it costs nothing then. */
  start() {
    this.loop.start();
  }

  draw() {
    const { canvas, gl, video } = this;
    const width = Math.floor(video.videoWidth / 2);
    const height = video.videoHeight;
    if (width === 0) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    if (gl === null) {
      // Without WebGL nothing can be cut out: the picture alone, as it is.
      canvas.getContext("2d").drawImage(video, 0, 0, width, height, 0, 0, width, height);
      return;
    }
    gl.viewport(0, 0, width, height);
    gl.uniform1f(this.halfTexel, 0.5 / video.videoWidth);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, video);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }
}
