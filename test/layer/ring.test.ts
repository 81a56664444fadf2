import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { Ring, RingAborted } from "../../src/layer/ring.js";

/** A producer in a thread of its own: publishes `chunks` chunks of pseudo-random bytes, then does `finally`. */
function producer(ring: Ring, seed: number, chunks: number, last: "end" | "abort" | "hang"): Worker {
  const code = `
    const { workerData, parentPort } = require("node:worker_threads");
    const { createHash } = require("node:crypto");
    import(workerData.module).then(({ Ring }) => {
      const ring = new Ring(workerData.memory);
      const hash = createHash("sha256");
      let state = workerData.seed;
      try {
        for (let i = 0; i < workerData.chunks; i++) {
          const slot = ring.acquire();
          const length = 1 + (state % slot.length);
          for (let k = 0; k < length; k += 997) slot[k] = state = (state * 1103515245 + 12345) & 0x7fffffff;
          hash.update(slot.subarray(0, length));
          ring.publish(length);
        }
        if (workerData.last === "end") ring.end();
        if (workerData.last === "abort") ring.abort();
        if (workerData.last === "hang") for (;;) ring.publish(ring.acquire().length && 1);
        parentPort.postMessage(hash.digest("hex"));
      } catch (error) {
        parentPort.postMessage(error.constructor.name);
      }
    });`;
  const module = new URL("../../src/layer/ring.js", import.meta.url).href;
  return new Worker(code, { eval: true, workerData: { module, memory: ring.memory, seed, chunks, last } });
}

function message(worker: Worker): Promise<string> {
  return new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
}

describe("Ring", () => {
  it("delivers every byte in order, however the two threads are scheduled", async () => {
    for (const chunks of [0, 1, 7, 8, 9, 300]) {
      const ring = new Ring(8);
      const worker = producer(ring, randomBytes(2).readUInt16LE(), chunks, "end");
      const sent = message(worker);
      const hash = createHash("sha256");
      const source = ring.source();
      for (let chunk = source.read(); chunk !== null; chunk = source.read()) {
        hash.update(chunk);
      }
      assert.equal(source.read(), null);
      assert.equal(hash.digest("hex"), await sent);
      await worker.terminate();
    }
  });

  it("ends the consumer when the producer gives up", async () => {
    const ring = new Ring(8);
    const worker = producer(ring, 1, 3, "abort");
    const source = ring.source();
    assert.throws(() => {
      while (source.read() !== null);
    }, RingAborted);
    await worker.terminate();
  });

  it("ends a producer that waits for room when the consumer gives up", async () => {
    const ring = new Ring(8);
    const worker = producer(ring, 1, 0, "hang");
    const ended = message(worker);
    ring.source().read();
    ring.abort();
    assert.equal(await ended, "RingAborted");
    await worker.terminate();
  });

  it("ends both when it is called off from outside, also after the producer had ended", () => {
    const ring = new Ring(8);
    ring.acquire();
    ring.publish(1);
    ring.end();
    ring.cancel();
    assert.throws(() => ring.throwIfCancelled(), RingAborted);
    assert.throws(() => ring.source().read(), RingAborted);
    assert.throws(() => ring.acquire(), RingAborted);
  });
});
