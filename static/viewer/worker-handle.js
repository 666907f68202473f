/**
 * Stands in for MindAR's inlined worker: its controller constructs `new ControllerWorker()`. The worker
 * is a file of our own, because the page's content security policy allows no blob: scripts.
 */

let workerUrl = "";

/** @param {string} url address of tracker-worker.js, same origin */
export function setWorkerUrl(url) {
  workerUrl = url;
}

export default class ControllerWorker {
  constructor() {
    return new Worker(workerUrl);
  }
}
