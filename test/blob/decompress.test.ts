import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { crc32, deflateRawSync, constants as zlib } from "node:zlib";
import fc from "fast-check";
import type { ByteSource } from "../../src/blob/byte-source.js";
import { type Compression, detectCompression } from "../../src/blob/compression.js";
import { decompress, decompressInto } from "../../src/blob/decompress.js";
import { OvlError } from "../../src/errors.js";
import { gzipMember } from "../support/gzip.js";
import { readAll, sourceOf } from "../support/inflate.js";
import { zstdStored } from "../support/zstd.js";

const data = Buffer.from(Array.from({ length: 30_000 }, (_, i) => `entry ${i * 31}\n`).join(""));
const gzip = gzipMember(data, { name: "layer.tar" });
const zstd = zstdStored(data);
const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
const subject = "blob x";

suite("detectCompression", () => {
  test("knows the magics that moby knows", () => {
    const cases: readonly (readonly [Uint8Array, Compression])[] = [
      [gzip, "gzip"],
      [gzip.subarray(0, 3), "gzip"],
      [gzip.subarray(0, 2), "none"],
      [Buffer.from([0x1f, 0x8b, 0x07, 0, 0, 0, 0, 0]), "none"],
      [zstd, "zstd"],
      [skippable, "zstd"],
      [Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 9, 0, 0, 0]), "zstd"],
      [Buffer.from([0x60, 0x2a, 0x4d, 0x18, 9, 0, 0, 0]), "none"],
      [skippable.subarray(0, 7), "none"],
      [Buffer.from("BZh91AY&SY"), "bzip2"],
      [Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0, 4]), "xz"],
      [Buffer.from("etc/passwd\0"), "none"],
      [new Uint8Array(0), "none"],
    ];
    for (const [first, expected] of cases) assert.equal(detectCompression(first), expected, String(first));
  });
});

suite("decompress", () => {
  test("gives plain, gzip and zstd data alike, whatever pieces it comes in", () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.constantFrom(data, gzip, zstd, Buffer.concat([skippable, zstd])), pieces, (bytes, sizes) => {
        const source = decompress(sourceOf(bytes, ...sizes), subject);
        assert.deepEqual(readAll(source), data);
        assert.equal(source.read(), null);
      }),
      { numRuns: 60 },
    );
  });

  test("takes nothing, and what is too short for a magic, as it is", () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from("x"), Buffer.of(0x1f, 0x8b), Buffer.of(0x28, 0xb5, 0x2f)]) {
      assert.deepEqual(readAll(decompress(sourceOf(bytes, 1), subject)), bytes);
    }
  });

  test("reads nothing before it is asked, and the source to its end", () => {
    let reads = 0;
    const inner = sourceOf(gzip, 5000);
    const counted: ByteSource = {
      read() {
        reads++;
        return inner.read();
      },
    };
    const source = decompress(counted, subject);
    assert.equal(reads, 0);
    readAll(source);
    assert.equal(reads, Math.ceil(gzip.length / 5000) + 1);
  });

  test("refuses bzip2 and xz with what to do", () => {
    for (const [bytes, name] of [
      [Buffer.from("BZh91AY&SYxxxx"), "bzip2"],
      [Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0, 4]), "xz"],
    ] as const) {
      assert.throws(() => decompress(sourceOf(bytes), subject).read(), {
        code: "UNSUPPORTED_MEDIA_TYPE",
        message: /recompress/,
        fields: { subject, expected: ["none", "gzip", "zstd"], actual: name },
      });
    }
  });

  test("says where cut data ends", () => {
    for (const [bytes, format] of [
      [gzip, "gzip"],
      [zstd, "zstd"],
    ] as const) {
      for (const length of [8, 9, 30, bytes.length - 1]) {
        assert.throws(() => readAll(decompress(sourceOf(bytes.subarray(0, length), 11), subject)), {
          code: "BAD_ARCHIVE",
          fields: { subject, format, offset: length, reason: "unexpected end of data" },
        });
      }
    }
  });

  test("lets the source's own errors through, and never ends as if all were well", () => {
    const inner = sourceOf(gzip, 100);
    let reads = 0;
    const failing: ByteSource = {
      read() {
        if (++reads > 20) throw new OvlError("DIGEST_MISMATCH", "not what it claims to be");
        return inner.read();
      },
    };
    const source = decompress(failing, subject);
    for (let i = 0; i < 2; i++) assert.throws(() => readAll(source), { code: "DIGEST_MISMATCH" });
  });

  test("ends when it is disposed of", () => {
    const source = decompress(sourceOf(gzip, 1000), subject);
    source.read();
    source[Symbol.dispose]();
    assert.equal(source.read(), null);
  });
});

suite("decompressInto", () => {
  test("fills every buffer but the last, in shared memory, whatever their sizes", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.constantFrom(data, gzip, zstd), sizes, sizes, (bytes, input, output) => {
        const shared = new Uint8Array(new SharedArrayBuffer(Math.max(...output)));
        const out: Buffer[] = [];
        let turn = 0;
        let buffer = shared;
        decompressInto(sourceOf(bytes, ...input), subject, {
          next() {
            assert.ok(out.length === 0 || out.at(-1)?.length === buffer.length, "a buffer was not full");
            buffer = shared.subarray(0, output[turn++ % output.length]);
            return buffer;
          },
          publish: (length) => void out.push(Buffer.from(buffer.subarray(0, length))),
        });
        assert.ok(out.every((piece) => piece.length > 0));
        assert.deepEqual(Buffer.concat(out), data);
      }),
      { numRuns: 60 },
    );
  });

  test("keeps memory flat while a bomb goes off", () => {
    const buffer = new Uint8Array(256 * 1024);
    const run = (source: ByteSource) => {
      let total = 0;
      decompressInto(source, subject, { next: () => buffer, publish: (length) => void (total += length) });
      return total;
    };
    run(zeros("gzip", 8));
    run(zeros("zstd", 8));
    const before = process.resourceUsage().maxRSS;
    assert.equal(run(zeros("gzip", 512)), 512 * MIB);
    assert.equal(run(zeros("zstd", 512)), 512 * MIB);
    assert.ok(process.resourceUsage().maxRSS - before < 24 * 1024, "KiB more than before");
  });
});

const MIB = 2 ** 20;

/** One gzip member or zstd frame of as many MiB of zeros, made while it is read. */
function zeros(format: "gzip" | "zstd", mib: number): ByteSource {
  function* gzipPieces() {
    yield Buffer.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
    const chunk = Buffer.alloc(MIB);
    // Ends on a byte without ending the stream, so that it can be repeated.
    const body = deflateRawSync(chunk, { finishFlush: zlib.Z_FULL_FLUSH });
    let crc = 0;
    for (let i = 0; i < mib; i++) {
      crc = crc32(chunk, crc);
      yield body;
    }
    yield Buffer.of(3, 0); // a last block of nothing
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(crc, 0);
    trailer.writeUInt32LE((mib * MIB) % 2 ** 32, 4);
    yield trailer;
  }
  function* zstdPieces() {
    // No content size, window of 128 KiB; then run-length blocks of 128 KiB, and an empty last one.
    yield Buffer.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x38);
    const run = ((128 * 1024) << 3) | (1 << 1);
    const block = Buffer.of(run & 0xff, (run >> 8) & 0xff, run >> 16, 0);
    const blocks = Buffer.concat(new Array<Buffer>(8).fill(block));
    for (let i = 0; i < mib; i++) yield blocks;
    yield Buffer.of(1, 0, 0);
  }
  const pieces = format === "gzip" ? gzipPieces() : zstdPieces();
  return { read: () => pieces.next().value ?? null };
}
