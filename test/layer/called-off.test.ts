/** A layer that is called off when its tar has come to an end: what is left to do may take as long again. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ByteSource } from "../../src/blob/byte-source.js";
import { loadCrc64 } from "../../src/blob/crc64.js";
import { extract } from "../../src/layer/extract.js";
import type { ExtractJob } from "../../src/layer/job.js";
import { lostFiles } from "../../src/layer/lost-files.js";
import { Ring, RingAborted } from "../../src/layer/ring.js";
import { sourceOf } from "../support/sources.js";
import { dir, file, layer } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

function jobIn(work: Scratch): ExtractJob {
  const ring = new Ring(0).memory;
  const directory = work.dir("diff");
  return {
    stage: "extract",
    diffId: null,
    directory,
    tarSplit: work.join("split"),
    strict: false,
    ring,
    maxBytes: 2 ** 30,
  };
}

/** Called off by whoever reads its end. */
function lastMoment(tar: Uint8Array, ring: SharedArrayBuffer): ByteSource {
  const source = sourceOf(tar);
  return {
    read() {
      const bytes = source.read();
      if (bytes === null) new Ring(ring).cancel();
      return bytes;
    },
  };
}

// A directory that is only implied, and whose place a file takes: what is left has to be counted and read again.
const replaced = [file("x/f", "1"), file("x", "2")];

describe("a layer is called off", () => {
  it("while its directories get their times", async () => {
    using work = scratch("called-off");
    const job = jobIn(work);
    const newCrc64 = await loadCrc64();
    assert.throws(() => extract(job, lastMoment(layer(dir("d/")), job.ring), newCrc64), RingAborted);
  });

  it("while the sizes of its files are added up", async () => {
    using work = scratch("called-off");
    const job = jobIn(work);
    const newCrc64 = await loadCrc64();
    assert.throws(() => extract(job, lastMoment(layer(...replaced), job.ring), newCrc64), RingAborted);
  });

  it("while it is read again for files that docker would look for in vain", async () => {
    using work = scratch("called-off");
    const job = jobIn(work);
    const newCrc64 = await loadCrc64();
    assert.equal(extract(job, sourceOf(layer(...replaced)), newCrc64).entries, 2);
    assert.deepEqual(lostFiles(job, newCrc64), ["x/f"]);
    new Ring(job.ring).cancel();
    assert.throws(() => lostFiles(job, newCrc64), RingAborted);
  });
});
