// Builds the AR page's JavaScript from static/viewer/, and the admin's from static/admin/, into
// static/build/ (git-ignored):
//   viewer.js           the page's own module, small
//   tracker.js          MindAR's controller with the few tfjs pieces it uses; imported on demand
//   tracker-worker.js   the matcher, a classic worker in a file of its own (the page's CSP has no blob:)
//   admin-charts.js     the front page's chart: Chart.js, only the parts that a line needs
//   admin-analytics.js  the dashboard's charts, with those that a ring needs
//   THIRD_PARTY_LICENSES.txt
//   fonts/              for the printed sheets (content/print_sheets.py), with their licence
// Usage: node script/build-viewer.mjs [--sourcemap]

import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const source = path.join(root, "static", "viewer");
const output = path.join(root, "static", "build");
const modules = path.join(root, "node_modules");

/** Gzipped bytes a visitor's phone may be asked to download for the page's own scripts. */
const GZIP_BUDGET = 135 * 1024;

/** What MindAR and tfjs import, and what they get instead. */
const STUBS = {
  // MindAR asks for the whole of tfjs; this is what it uses.
  "@tensorflow/tfjs": "export * from 'arv:tfjs';",
  // The viewer reads a compiled marker and never compiles one.
  "./compiler.js": `
    import { decode } from "@msgpack/msgpack";
    export class Compiler {
      importData(buffer) {
        const content = decode(new Uint8Array(buffer));
        if (content.v !== 2) throw new Error("unknown marker version");
        return content.dataList;
      }
    }`,
  // 64-bit integers serve string hashing only, and their library tries WebAssembly, which the CSP forbids.
  long: "export default { fromString: () => null };",
};

const slim = {
  name: "slim-mindar",
  setup(builder) {
    builder.onResolve({ filter: /^arv:tfjs$/ }, () => ({ path: path.join(source, "tfjs.js") }));
    builder.onResolve({ filter: /^@tensorflow\/tfjs-core$/ }, () => ({
      path: path.join(modules, "@tensorflow/tfjs-core/dist/base.js"),
    }));
    // Imported by one kernel for a type in a comment only.
    builder.onResolve({ filter: /^@tensorflow\/tfjs-backend-webgl$/ }, () => ({
      path: "types",
      namespace: "stub",
      pluginData: "export const MathBackendWebGL = null;",
    }));
    builder.onResolve({ filter: /(platform_node|\/io\/io)$/ }, (args) => ({
      path: args.path,
      namespace: "stub",
      pluginData: "",
    }));
    builder.onResolve({ filter: /utils\/homography\.js$/ }, () => ({
      path: path.join(source, "mindar-homography.js"),
    }));
    builder.onResolve({ filter: /controller\.worker\.js\?worker&inline$/ }, () => ({
      path: path.join(source, "worker-handle.js"),
    }));
    builder.onResolve({ filter: /^(@tensorflow\/tfjs|\.\/compiler\.js|long)$/ }, (args) => ({
      path: args.path,
      namespace: "stub",
      pluginData: STUBS[args.path],
    }));
    builder.onLoad({ filter: /.*/, namespace: "stub" }, (args) => ({
      contents: args.pluginData,
      resolveDir: root,
      loader: "js",
    }));
  },
};

const shared = {
  bundle: true,
  minify: true,
  legalComments: "none",
  target: "es2020",
  outdir: output,
  sourcemap: process.argv.includes("--sourcemap"),
  metafile: true,
  logLevel: "warning",
  plugins: [slim],
  define: { "process.env.NODE_ENV": '"production"' },
};

function entries(files) {
  return Object.fromEntries(Object.entries(files).map(([name, file]) => [name, path.join(source, file)]));
}

/** The packages whose code ended up in a bundle, by the bundler's own account. */
function bundledPackages(metafiles) {
  const names = new Set();
  for (const metafile of metafiles) {
    for (const result of Object.values(metafile.outputs)) {
      for (const [file, { bytesInOutput }] of Object.entries(result.inputs)) {
        const match = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(file);
        if (match && bytesInOutput > 0) names.add(match[1]);
      }
    }
  }
  return [...names].sort();
}

/** @returns {Promise<{title: string, text: string}>} */
async function licenceOf(name) {
  const folder = path.join(modules, name);
  const manifest = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
  const file = (await readdir(folder)).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  const text = file
    ? await readFile(path.join(folder, file), "utf8")
    : await standardText(manifest);
  return { title: `${name} ${manifest.version} (${manifest.license})`, text: text.trim() };
}

/** For packages that name their licence without carrying its text. */
async function standardText(manifest) {
  const author = manifest.author?.name ?? manifest.author ?? "the authors";
  if (manifest.license === "MIT") return `Copyright (c) ${author}\n\n${MIT}`;
  if (manifest.license === "Apache-2.0") return readFile(path.join(modules, "long", "LICENSE"), "utf8");
  throw new Error(`${manifest.name}: no text at hand for the licence ${manifest.license}`);
}

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction, including
without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the
following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO
EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER
IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR
THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

await rm(output, { recursive: true, force: true });
await mkdir(output, { recursive: true });

const results = await Promise.all([
  build({ ...shared, format: "esm", entryPoints: entries({ viewer: "boot.js", tracker: "tracker.js" }) }),
  build({ ...shared, format: "iife", entryPoints: entries({ "tracker-worker": "tracker-worker.js" }) }),
  build({
    ...shared,
    format: "esm",
    entryPoints: {
      "admin-charts": path.join(root, "static/admin/front-page.js"),
      "admin-analytics": path.join(root, "static/admin/analytics.js"),
    },
  }),
]);

const packages = bundledPackages(results.map((result) => result.metafile));
/** Titles by licence text: packages of one project share theirs. */
const licences = new Map();
for (const { title, text } of await Promise.all(packages.map(licenceOf))) {
  licences.set(text, [...(licences.get(text) ?? []), title]);
}
await writeFile(
  path.join(output, "THIRD_PARTY_LICENSES.txt"),
  [...licences]
    .map(([text, titles]) => `${titles.join("\n")}\n\n${text}\n`)
    .join(`\n${"-".repeat(80)}\n\n`),
);

const fonts = path.join(modules, "dejavu-fonts-ttf");
await mkdir(path.join(output, "fonts"));
for (const name of ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"]) {
  await copyFile(path.join(fonts, "ttf", name), path.join(output, "fonts", name));
}
await copyFile(path.join(fonts, "LICENSE"), path.join(output, "fonts", "LICENSE.txt"));

/** Prints a bundle's size; returns its gzipped bytes. */
async function weigh(name) {
  const bytes = await readFile(path.join(output, name));
  const gzipped = gzipSync(bytes, { level: 6 }).length;
  const columns = [name.padEnd(20), String(bytes.length).padStart(8), "bytes", String(gzipped).padStart(8), "gzip"];
  console.log(columns.join(" "));
  return gzipped;
}

for (const name of ["admin-charts.js", "admin-analytics.js"]) await weigh(name);
let total = 0;
for (const name of ["viewer.js", "tracker.js", "tracker-worker.js"]) total += await weigh(name);
console.log(`${"total".padEnd(20)} ${String(total).padStart(23)} gzip, budget ${GZIP_BUDGET}`);
if (total > GZIP_BUDGET) {
  console.error("The page's scripts are over their budget.");
  process.exitCode = 1;
}
