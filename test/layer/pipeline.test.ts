/** Whether a layer goes through one thread or through two is a question of speed only. */
import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { OvlError } from "../../src/errors.js";
import type { ExtractJob, LayerOutcome, SharedJob } from "../../src/layer/job.js";
import { type FirstStage, LayerPipeline, type SecondStage } from "../../src/layer/pipeline.js";
import type { DiffId, Digest } from "../../src/model/digest.js";
import { sha256 } from "../support/image-builder.js";
import { dir, file, hardlink, layer, symlink } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { readTree } from "../support/tree.js";

const noise = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * i * 31 + (i >> 8)) & 0xff));
const tar = layer(dir("d/"), file("d/big", noise), file("d/small", "x"), symlink("s", "d"), hardlink("h", "d/small"));
const blob = gzipSync(tar);
const diffId = sha256(tar) as DiffId;

interface Work extends Disposable {
  readonly dir: Scratch;
  readonly run: (first: FirstStage, second: SecondStage) => Promise<LayerOutcome>;
  decode(bytes: Uint8Array, digest?: string): FirstStage;
  extraction(name: string, diffId?: DiffId | null): Omit<ExtractJob, keyof SharedJob>;
}

function work(processors: number, signal?: AbortSignal): Work {
  const place = scratch("pipeline");
  const fds: number[] = [];
  return {
    dir: place,
    async run(first, second) {
      await using pipeline = new LayerPipeline({ jobs: 1, processors, signal, maxLayerBytes: 4_000_000 });
      return await pipeline.run(async () => first, second, { size: 1 });
    },
    decode(bytes, digest = sha256(bytes)) {
      const path = join(place.path, `blob-${fds.length}`);
      writeFileSync(path, bytes);
      const fd = openSync(path, "r");
      fds.push(fd);
      const range = { fd, offset: 0, size: bytes.length };
      return { stage: "decode", input: { range, digest: digest as Digest, subject: "the blob" } };
    },
    extraction(name, expected = diffId) {
      const directory = join(place.path, name);
      mkdirSync(directory);
      return { stage: "extract", diffId: expected, directory, tarSplit: `${directory}.json.gz`, strict: false };
    },
    [Symbol.dispose]() {
      for (const fd of fds) closeSync(fd);
      place[Symbol.dispose]();
    },
  };
}

/** What a failing run says. */
async function refusal(running: Promise<unknown>): Promise<string> {
  const error = await running.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof OvlError, String(error));
  return `${error.code}: ${error.message}`;
}

const WAYS = [1, 2];

describe("a layer through one thread and through two", () => {
  it("is extracted alike, and put together, saved, listed and packed again", async () => {
    const found = [];
    for (const processors of WAYS) {
      using w = work(processors);
      const extraction = w.extraction("diff");
      const extracted = await w.run(w.decode(blob), extraction);
      const { directory, tarSplit } = extraction;
      const stored: FirstStage = { stage: "assemble", tarSplit, directory, subject: "layer" };
      const checked = await w.run(stored, { stage: "check", diffId });
      const out = join(w.dir.path, "out.tar");
      const fd = openSync(out, "w");
      const sink = { fd, file: out };
      const written = await w.run(stored, { stage: "write", sink, offset: 0, compression: "none" });
      closeSync(fd);
      assert.ok(readFileSync(out).equals(tar), `${processors}: the saved layer differs`);
      const listed = await w.run(w.decode(tar), { stage: "list", diffId });
      const packing: FirstStage = { stage: "pack", directory, userXattrs: false };
      const packed = await w.run(packing, { stage: "check", diffId: null });
      assert.equal(checked.diffId, diffId);
      const { mtimeMs } = statSync(join(directory, "d/big"));
      found.push({ extracted, checked, written, listed, packed, mtimeMs, split: readFileSync(tarSplit, "latin1") });
      assert.deepEqual([...readTree(directory).keys()].sort(), [".", "d", "d/big", "d/small", "h", "s"]);
    }
    assert.deepEqual(found[1], found[0]);
  });

  it("fails with the same words: the blob's fault before the layer's, the DiffID before what follows from it", async () => {
    const damaged = Buffer.from(blob);
    damaged.fill(0x55, 5000, 5200);
    const broken = gzipSync(Buffer.from(tar).fill(0x41, 600, 700));
    const large = gzipSync(layer(file("zeros", Buffer.alloc(5_000_000))));
    const found = [];
    for (const processors of WAYS) {
      using w = work(processors);
      const refused = [
        await refusal(w.run(w.decode(damaged, sha256(blob)), w.extraction("a"))),
        await refusal(w.run(w.decode(damaged), w.extraction("b"))),
        await refusal(w.run(w.decode(blob.subarray(0, 9000)), w.extraction("c"))),
        await refusal(w.run(w.decode(broken), w.extraction("d"))),
        await refusal(w.run(w.decode(broken), w.extraction("e", null))),
        await refusal(w.run(w.decode(large), w.extraction("f", null))),
        await refusal(w.run(w.decode(large, diffId), w.extraction("g", null))),
        await refusal(w.run(w.decode(blob), { ...w.extraction("h"), directory: join(w.dir.path, "missing") })),
      ];
      found.push(refused.map((text) => text.replaceAll(w.dir.path, "SCRATCH")));
    }
    assert.deepEqual(found[1], found[0]);
    const codes = found[0]?.map((text) => text.split(":")[0]);
    const [wrong, bad] = ["DIGEST_MISMATCH", "BAD_ARCHIVE"];
    assert.deepEqual(codes, [wrong, bad, bad, "DIFF_ID_MISMATCH", "BAD_TAR", "BAD_TAR", wrong, "IO"]);
  });

  it("says of one that is a byte too large that it is so, not that it is another", async () => {
    for (const processors of WAYS) {
      using w = work(processors);
      await using pipeline = new LayerPipeline({ jobs: 1, processors, maxLayerBytes: tar.length - 1 });
      const running = pipeline.run(async () => w.decode(blob), w.extraction("diff"), { size: 1 });
      assert.match(await refusal(running), /^BAD_TAR: .*--max-layer-size/);
    }
  });

  it("stops when it is called off, also while its blob is opened", async () => {
    for (const processors of WAYS) {
      const off = new AbortController();
      using w = work(processors, off.signal);
      await using pipeline = new LayerPipeline({ jobs: 1, processors, signal: off.signal });
      const opening = async () => {
        await setImmediate();
        off.abort(new OvlError("INTERRUPTED", "stopped"));
        return w.decode(blob);
      };
      const extraction = w.extraction("diff");
      assert.equal(await refusal(pipeline.run(opening, extraction, { size: 1 })), "INTERRUPTED: stopped");
      assert.deepEqual(readdirSync(extraction.directory), []);
      assert.equal(await refusal(w.run(w.decode(blob), extraction)), "INTERRUPTED: stopped");
    }
  });

  it("is called off with its pipeline, which starts none of those that wait and waits for what is under way", async () => {
    for (const processors of WAYS) {
      using w = work(processors);
      const pipeline = new LayerPipeline({ jobs: 1, processors });
      const events: string[] = [];
      let release = () => {};
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      const check = (name: string) => {
        const open = async () => {
          events.push(`${name} begins`);
          await gate;
          events.push(`${name} is open`);
          return w.decode(blob);
        };
        return refusal(pipeline.run(open, { stage: "check", diffId }, { size: 1 }));
      };
      const checks = Promise.all(["first", "second", "third"].map(check));
      await setImmediate();
      const closed = pipeline[Symbol.asyncDispose]().then(() => events.push("closed"));
      await setImmediate();
      release();
      const refused = [...(await checks), await check("late")];
      await closed;
      assert.deepEqual(events, ["first begins", "first is open", "closed"]);
      assert.deepEqual(refused, Array(4).fill("INTERRUPTED: called off: the pipeline of the layer was closed"));
    }
  });

  it("is not given to a thread that has died", async () => {
    for (const processors of WAYS) {
      using w = work(processors);
      await using pipeline = new LayerPipeline({ jobs: 1, processors });
      const unsendable = { stage: "check", diffId: () => "what no thread can be sent" } as unknown as SecondStage;
      const failing = pipeline.run(async () => w.decode(blob), unsendable, { size: 1 });
      const next = pipeline.run(async () => w.decode(blob), { stage: "check", diffId }, { size: 1 });
      assert.match(await refusal(failing), /^INTERNAL: .*could not be cloned/);
      assert.equal((await next).diffId, diffId);
    }
  });
});

describe("many layers", () => {
  it("take no more memory than a few: rings are used again", async () => {
    using w = work(2);
    await using pipeline = new LayerPipeline({ jobs: 1, processors: 2 });
    const large = gzipSync(layer(file("large", Buffer.alloc(20 << 20))));
    const check = () => pipeline.run(async () => w.decode(large), { stage: "check", diffId: null }, { size: 1 });
    for (let i = 0; i < 3; i++) await check();
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 20; i++) await check();
    const growth = (process.memoryUsage.rss() - before) / 2 ** 20;
    assert.ok(growth < 100, `${growth} MiB more`);
  });

  it("at once, large and small, in one thread and in two, are all what they should be", async () => {
    using w = work(1);
    await using pipeline = new LayerPipeline({ jobs: 2, processors: 2 });
    const sizes = [100, 10, 10, 300];
    const outcomes = await Promise.all(
      sizes.map((size, i) => pipeline.run(async () => w.decode(blob), w.extraction(`diff-${i}`), { size })),
    );
    assert.deepEqual(
      outcomes.map((outcome) => outcome.diffId),
      sizes.map(() => diffId),
    );
  });
});
