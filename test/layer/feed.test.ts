/** Layers whose bytes arrive while they are worked on: through the same threads as those that lie in files. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { ByteStream } from "../../src/blob/byte-source.js";
import { OvlError } from "../../src/errors.js";
import { Feed } from "../../src/layer/feed.js";
import type { LayerOutcome } from "../../src/layer/job.js";
import { LayerPipeline } from "../../src/layer/pipeline.js";
import { Ring } from "../../src/layer/ring.js";
import type { DiffId, Digest } from "../../src/model/digest.js";
import { sha256 } from "../support/image-builder.js";
import { file, layer } from "../support/tar-builder.js";
import { scratch } from "../support/tmp.js";

/** 12 MB that do not compress: more than both rings hold. */
const noise = randomBytes(12_000_000);
const tar = layer(file("noise", noise), file("small", "x"));
const blob = gzipSync(tar, { level: 1 });
const CHECK = { stage: "check", diffId: sha256(tar) as DiffId } as const;

interface Fault {
  readonly at: number;
  readonly error: Error | "end" | "hang";
}

/** A blob in chunks of odd sizes; `closed` tells that whoever read it has let go of it. */
function arriving(bytes: Uint8Array, fault: Fault | null = null, size = bytes.length) {
  const state = { closed: false, sent: 0 };
  const stream: ByteStream = {
    size,
    async *chunks(signal) {
      try {
        for (let at = 0, turn = 1; at < bytes.length; turn++) {
          if (fault !== null && at >= fault.at) {
            if (fault.error === "end") return;
            if (fault.error !== "hang") throw fault.error;
            await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
          }
          const chunk = bytes.slice(at, at + ((turn * 7919) % 400_000) + 1);
          at += chunk.length;
          state.sent = at;
          yield chunk;
        }
      } finally {
        state.closed = true;
      }
    },
  };
  return { stream, state };
}

for (const processors of [1, 2]) {
  describe(`a layer that arrives while it is worked on in ${processors === 1 ? "one thread" : "two threads"}`, () => {
    it("is not waited for once the machine has failed", async () => {
      using dir = scratch("feed", 0);
      const missing = { directory: dir.join("missing"), tarSplit: dir.join("split"), strict: false };
      const { stream, state } = arriving(blob, { at: 1_000_000, error: "hang" });
      await using pipeline = new LayerPipeline({ jobs: 1, processors });
      const input = { stream, digest: sha256(blob) as Digest, subject: "layer" };
      const extraction = { stage: "extract", diffId: CHECK.diffId, ...missing } as const;
      const running = pipeline.run(async () => ({ stage: "decode", input }), extraction, { size: stream.size });
      await assert.rejects(running, { code: "IO", message: /missing: ENOENT/ });
      assert.equal(state.closed, true);
    });

    it("is read to its end where its content may be at fault, since its digest tells", async () => {
      const noTar = gzipSync(Buffer.from(noise).fill("no tar", 0, 1024), { level: 1 });
      const { stream, state } = arriving(noTar);
      await using pipeline = new LayerPipeline({ jobs: 1, processors });
      const input = { stream, digest: sha256(tar) as Digest, subject: "layer" };
      const list = { stage: "list", diffId: null } as const;
      const running = pipeline.run(async () => ({ stage: "decode", input }), list, { size: stream.size });
      await assert.rejects(running, { code: "DIGEST_MISMATCH" });
      assert.equal(state.sent, noTar.length);
    });

    arrives(async (stream, digest, signal) => {
      await using pipeline = new LayerPipeline({ jobs: 1, processors, signal });
      const input = { stream, digest: digest as Digest, subject: "layer" };
      return await pipeline.run(async () => ({ stage: "decode", input }), CHECK, { size: stream.size });
    });
  });
}

describe("bytes brought to a thread", () => {
  it("are no longer brought once it is gone, also where it has never read one", async () => {
    const { stream, state } = arriving(blob);
    const feed = new Feed(stream, new Ring(8));
    await setImmediate();
    assert.ok(state.sent < blob.length, "the ring is full");
    assert.equal(await feed.end(), null);
    assert.equal(state.closed, true);
  });
});

function arrives(check: (stream: ByteStream, digest: string, signal?: AbortSignal) => Promise<LayerOutcome>) {
  it("is decoded as it comes", async () => {
    const { stream, state } = arriving(blob);
    const { diffId } = await check(stream, sha256(blob));
    assert.equal(diffId, CHECK.diffId);
    assert.deepEqual(state, { closed: true, sent: blob.length });
  });

  it("fails as its source fails", async () => {
    const { stream, state } = arriving(blob, { at: 5_000_000, error: new OvlError("NETWORK", "the line is cut") });
    await assert.rejects(check(stream, sha256(blob)), { code: "NETWORK", message: "the line is cut" });
    assert.equal(state.closed, true);
  });

  it("is refused when it ends early, goes on too long, or is something else", async () => {
    const short = arriving(blob, { at: 5_000_000, error: "end" });
    await assert.rejects(check(short.stream, sha256(blob)), { code: "SIZE_MISMATCH" });
    const long = arriving(Buffer.concat([blob, noise]), null, blob.length);
    await assert.rejects(check(long.stream, sha256(blob)), { code: "SIZE_MISMATCH" });
    assert.ok(long.state.sent < blob.length + 6_000_000, "what is too long is not read to its end");
    await assert.rejects(check(arriving(blob).stream, sha256(tar)), { code: "DIGEST_MISMATCH" });
    const damaged = Buffer.from(blob);
    damaged.fill(0, 6_000_000, 6_000_100);
    await assert.rejects(check(arriving(damaged).stream, sha256(blob)), { code: "DIGEST_MISMATCH" });
  });

  it("stops at once when it is called off, though nothing arrives", async () => {
    const off = new AbortController();
    const { stream, state } = arriving(blob, { at: 1_000_000, error: "hang" });
    setTimeout(() => off.abort(new OvlError("INTERRUPTED", "stopped")), 300);
    await assert.rejects(check(stream, sha256(blob), off.signal), { code: "INTERRUPTED" });
    assert.equal(state.closed, true);
  });
}
