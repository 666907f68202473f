/**
 * The part of tfjs that MindAR's detector and tracker run on: the engine, the WebGL backend, and the
 * kernels behind the operations they call. The build hands this module to MindAR in place of tfjs.
 */

import "@tensorflow/tfjs-core/dist/base_side_effects.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/arg_max.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/cast.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/slice.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/sub.js";
import { engine, env, registerBackend, registerKernel } from "@tensorflow/tfjs-core/dist/base.js";
import { MathBackendWebGL } from "@tensorflow/tfjs-backend-webgl/dist/backend_webgl.js";
import { argMaxConfig } from "@tensorflow/tfjs-backend-webgl/dist/kernels/ArgMax.js";
import { castConfig } from "@tensorflow/tfjs-backend-webgl/dist/kernels/Cast.js";
import { identityConfig } from "@tensorflow/tfjs-backend-webgl/dist/kernels/Identity.js";
import { packConfig } from "@tensorflow/tfjs-backend-webgl/dist/kernels/Pack.js";
import { reshapeConfig } from "@tensorflow/tfjs-backend-webgl/dist/kernels/Reshape.js";
import { sliceConfig } from "@tensorflow/tfjs-backend-webgl/dist/kernels/Slice.js";
import { subConfig } from "@tensorflow/tfjs-backend-webgl/dist/kernels/Sub.js";

registerBackend("webgl", () => new MathBackendWebGL(), 2);
const kernels = [
  argMaxConfig,
  castConfig,
  identityConfig,
  packConfig,
  reshapeConfig,
  sliceConfig,
  subConfig,
];
for (const kernel of kernels) registerKernel(kernel);

export { engine, env, registerKernel };
export { backend, keep, memory, ready, tidy } from "@tensorflow/tfjs-core/dist/globals.js";
export { nextFrame } from "@tensorflow/tfjs-core/dist/browser_util.js";
export { stack } from "@tensorflow/tfjs-core/dist/ops/stack.js";
export { tensor } from "@tensorflow/tfjs-core/dist/ops/tensor.js";
