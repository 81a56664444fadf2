/**
 * gzip and zstd: every engine says the same of a damaged stream, or all refuse it, and none makes more than allowed.
 */
import assert from "node:assert/strict";
import { deflateRawSync, gzipSync } from "node:zlib";
import { decompress } from "../../src/blob/decompress.js";
import { gzipEngines } from "../../src/blob/engines/gzip-engine.js";
import { zstdEngines } from "../../src/blob/engines/zstd-engine.js";
import { gzipInflater } from "../../src/blob/gzip.js";
import type { Inflater } from "../../src/blob/inflater.js";
import { ByteLimit } from "../../src/blob/limit.js";
import { OvlError } from "../../src/errors.js";
import { sha256 } from "../support/image-builder.js";
import { sourceOf } from "../support/sources.js";
import { zstd, zstdBomb, zstdStored } from "../support/zstd.js";
import { damaged, pieceSizes } from "./bytes.js";
import { type Kind, MAX_BYTES, refusalOf } from "./kind.js";
import type { Random } from "./random.js";
import { randomTar } from "./tars.js";

const bomb = gzipSync(Buffer.alloc(2 * MAX_BYTES));

/** Streams by zstd(1), where it is there: a process for each input would take longer than all else. */
let compressed: readonly Buffer[] = [];
let gzip: ReturnType<typeof gzipEngines> = [];
let zstds: ReturnType<typeof zstdEngines> = [];

export const streamKind: Kind = {
  prepare() {
    [gzip, zstds] = [gzipEngines(), zstdEngines()];
    const text = Buffer.from(Array.from({ length: 3000 }, (_, i) => `line ${i * 7919} of ${i % 13}\n`).join(""));
    compressed = [zstd(text), zstd(Buffer.alloc(300_000, 7)), zstd(Buffer.concat([text, text.subarray(100), text]))];
  },
  run(random) {
    const isGzip = random.once(2);
    const sound = isGzip ? gzipStream(random) : zstdStream(random);
    const bytes = random.once(5) ? sound : damaged(sound, random);
    const sizes = pieceSizes(random);
    refusalOf(() => total(() => decompress(sourceOf(bytes, ...sizes), "it")));
    if (bytes.length > 100_000) return;
    // Everything at once: how a stream is cut must change nothing of what is found.
    const engines = isGzip
      ? gzip.map((engine) => [engine.name, () => gzipInflater(engine, "it")] as const)
      : zstds.map((engine) => [engine.name, () => engine.open("it")] as const);
    const answers = engines.map(([name, open]) => [name, outcome(open, bytes)] as const);
    const [first] = answers;
    // fzstd reads no checksums of frames, and its own limits are narrower.
    for (const [name, answer] of answers) {
      if (isGzip) assert.equal(answer, first?.[1], `${first?.[0]} and ${name} differ`);
    }
  },
};

function total(open: () => ReturnType<typeof decompress>): number {
  using plain = open();
  const limit = new ByteLimit(MAX_BYTES, "it");
  let bytes = 0;
  for (let chunk = plain.read(); chunk !== null; chunk = plain.read()) {
    limit.add(chunk.length);
    bytes += chunk.length;
  }
  return bytes;
}

/** Digest of what came out, or that it was refused. Steps of an engine must come to an end. */
function outcome(open: () => Inflater, bytes: Buffer): string {
  const inflater = open();
  const output = Buffer.alloc(64 * 1024);
  const pieces: Buffer[] = [];
  let made = 0;
  let rest: Uint8Array = bytes;
  const answer = refusalOf(() => {
    for (;;) {
      const { read, written, done } = inflater.step(rest, output);
      rest = rest.subarray(read);
      pieces.push(Buffer.from(output.subarray(0, written)));
      made += written;
      if (made > MAX_BYTES) return "too much";
      if (read === 0 && written === 0) return done ? sha256(Buffer.concat(pieces)) : "cut short";
    }
  });
  inflater.close();
  return answer instanceof OvlError ? "refused" : answer === "cut short" ? "refused" : answer;
}

function gzipStream(random: Random): Buffer {
  const members = random.some(3, () => gzipMember(random));
  return Buffer.concat([gzipMember(random), ...members]);
}

/** Also with the header's optional parts, by hand. */
function gzipMember(random: Random): Buffer {
  if (random.once(12)) return bomb;
  const content = random.once(6) ? Buffer.alloc(random.pick([0, 70_000])) : randomTar(random, { outside: "/x" });
  const member = gzipSync(content, { level: random.pick([0, 1, 9]) });
  if (!random.once(4)) return member;
  const flags = random.below(32);
  const parts = [
    flags & 4 ? Buffer.from([3, 0, 1, 2, 3]) : Buffer.alloc(0),
    flags & 8 ? Buffer.from("name\x1b[2J\0") : Buffer.alloc(0),
    flags & 16 ? Buffer.from("comment\0") : Buffer.alloc(0),
    flags & 2 ? random.bytes(2) : Buffer.alloc(0),
  ];
  const header = Buffer.from([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3]);
  return Buffer.concat([header, ...parts, deflateRawSync(content), member.subarray(-8)]);
}

function zstdStream(random: Random): Buffer {
  const frame = () => {
    switch (random.below(4)) {
      case 0:
        return zstdStored(randomTar(random, { outside: "/x" }));
      case 1:
        return zstdBomb(random.pick([1, 2, 40]));
      case 2:
        return Buffer.concat([Buffer.from([0x50 + random.below(16), 0x2a, 0x4d, 0x18, 4, 0, 0, 0]), random.bytes(4)]);
      default:
        return random.pick(compressed);
    }
  };
  return Buffer.concat([frame(), ...random.some(2, frame)]);
}
