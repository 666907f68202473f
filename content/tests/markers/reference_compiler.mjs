/**
 * MindAR's own code under Node, for comparison: its CompilerBase with its tfjs CPU kernels, its
 * importer and its matcher. Grey pixels go in through a fake canvas, so no native canvas is needed.
 *
 *   compile WIDTH HEIGHT   grey pixels on stdin       -> the .mind file on stdout,
 *                          CPU seconds of the compile as the last line of stderr
 *   import                 a .mind file on stdin      -> JSON: what the importer sees
 *   match WIDTH HEIGHT     {mind, points} on stdin    -> JSON: what the matcher finds
 *
 * ARV_NODE_MODULES names the folder that holds mind-ar.
 */
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const imageTarget = pathToFileURL(
  path.join(path.resolve(process.env.ARV_NODE_MODULES), 'mind-ar/src/image-target/'),
);
const load = (name) => import(new URL(name, imageTarget));
const input = () => fs.readFileSync(0);
const [command, width, height] = process.argv.slice(2);

// MindAR and tfjs report to the console; stdout carries the answer alone.
console.log = () => {};
console.warn = () => {};

async function compiler() {
  const { CompilerBase } = await load('compiler-base.js');
  const { buildTrackingImageList } = await load('image-list.js');
  const { extractTrackingFeatures } = await load('tracker/extract-utils.js');
  await load('detector/kernels/cpu/index.js');

  return new (class extends CompilerBase {
    createProcessCanvas({ grey }) {
      const data = new Uint8ClampedArray(grey.length * 4);
      grey.forEach((level, index) => data.fill(level, index * 4, index * 4 + 3));
      return { getContext: () => ({ drawImage() {}, getImageData: () => ({ data }) }) };
    }

    async compileTrack({ targetImages }) {
      return targetImages.map((image) =>
        extractTrackingFeatures(buildTrackingImageList(image), () => {}),
      );
    }
  })();
}

const commands = {
  async compile() {
    const reference = await compiler();
    const image = { grey: input(), width: Number(width), height: Number(height) };
    const before = process.cpuUsage();
    await reference.compileImageTargets([image], () => {});
    const data = reference.exportData();
    const { user, system } = process.cpuUsage(before);
    process.stderr.write(`${(user + system) / 1e6}\n`);
    return data;
  },

  async import() {
    const targets = (await compiler()).importData(input());
    return JSON.stringify(
      targets.map(({ targetImage, trackingData, matchingData }) => ({
        targetImage,
        tracking: trackingData.map(({ data, points, ...frame }) => ({
          ...frame,
          bytes: data instanceof Uint8Array ? data.length : null,
          points: points.length,
        })),
        keyframes: matchingData.map((keyframe) => ({
          width: keyframe.width,
          height: keyframe.height,
          scale: keyframe.scale,
          points: keyframe.maximaPoints.length + keyframe.minimaPoints.length,
          wellFormed: [...keyframe.maximaPoints, ...keyframe.minimaPoints].every(
            ({ maxima, x, y, scale, angle, descriptors }) =>
              typeof maxima === 'boolean' &&
              [x, y, angle].every(Number.isFinite) &&
              [2, 4, 8].includes(scale) &&
              Array.isArray(descriptors) &&
              descriptors.length === 21 &&
              descriptors.every((word) => word === word >>> 0),
          ),
        })),
      })),
    );
  },

  async match() {
    const { Matcher } = await load('matching/matcher.js');
    const { mind, points } = JSON.parse(input());
    const [target] = (await compiler()).importData(Buffer.from(mind, 'base64'));
    const matcher = new Matcher(Number(width), Number(height));
    const found = matcher.matchDetection(target.matchingData, points);
    return JSON.stringify({ screen: found.screenCoords, world: found.worldCoords });
  },
};

fs.writeSync(1, await commands[command]());
