import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { deflateRawSync, constants as zlib } from "node:zlib";
import fc from "fast-check";
import { gzipEngines } from "../../src/blob/engines/gzip-engine.js";
import { gzipInflater } from "../../src/blob/gzip.js";
import { OvlError } from "../../src/errors.js";
import { gzipMember } from "../support/gzip.js";
import { inflateAll } from "../support/inflate.js";

const text = Buffer.from(Array.from({ length: 400 }, (_, i) => `line ${i * 7919} of a file\n`).join(""));
const sizes = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 100, max: 500 }), fc.integer({ min: 1, max: 5000 })),
  { minLength: 1 },
);
/** Zeros, text, noise, and their mixtures; long enough for distances of more than a window. */
const content = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 3000 }),
      fc.integer({ min: 0, max: 40_000 }).map((length) => new Uint8Array(length)),
      fc.integer({ min: 0, max: text.length }).map((length) => text.subarray(0, length)),
    ),
    { maxLength: 5 },
  )
  .map((parts) => Buffer.concat(parts));

for (const engine of gzipEngines()) {
  const decode = (bytes: Uint8Array, input = [1 << 16], output = [1 << 16]) =>
    inflateAll(gzipInflater(engine, "blob x"), bytes, input, output);

  suite(`gzip by ${engine.name}`, () => {
    test("gives the same bytes wherever input and output are split", () => {
      const level = fc.constantFrom(0, 1, 6, 9);
      const strategy = fc.constantFrom(zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE);
      fc.assert(
        fc.property(content, level, strategy, sizes, sizes, (data, level, strategy, input, output) => {
          const member = gzipMember(data, { body: deflateRawSync(data, { level, strategy }) });
          assert.deepEqual(decode(member, input, output), { data, done: true });
        }),
        { numRuns: 30 },
      );
    });

    test("concatenates members, empty ones too, wherever they are split", () => {
      fc.assert(
        fc.property(fc.array(content, { minLength: 1, maxLength: 4 }), sizes, sizes, (parts, input, output) => {
          const members = Buffer.concat(parts.flatMap((part) => [gzipMember(part), gzipMember(Buffer.alloc(0))]));
          assert.deepEqual(decode(members, input, output), { data: Buffer.concat(parts), done: true });
        }),
        { numRuns: 20 },
      );
    });

    test("skips every optional part of a header", () => {
      const extra = Buffer.alloc(65_535, 0x1f);
      const headers = [
        { name: "layer.tar" },
        { comment: "by nobody" },
        { extra },
        { extra: Buffer.alloc(0) },
        { headerCrc: true },
        { extra, name: "n".repeat(511), comment: "c".repeat(511), headerCrc: true },
        { flags: 0xe1 },
      ];
      for (const header of headers) {
        const member = gzipMember(text, header);
        assert.deepEqual(decode(Buffer.concat([member, member]), [3, 4000]).data, Buffer.concat([text, text]));
      }
    });

    test("refuses what Go's decoder refuses, and says where", () => {
      const member = gzipMember(text);
      const after = (...bytes: number[]) => Buffer.concat([member, Buffer.from(bytes)]);
      const end = member.length;
      const cases: readonly (readonly [Buffer, number, string])[] = [
        [after(...new Array(512).fill(0)), end, "what follows is no gzip member"],
        [after(0x50), end, "what follows is no gzip member"],
        [after(0x1f, 0x8b, 9), end + 2, "what follows is no gzip member"],
        [gzipMember(text, { headerCrc: "wrong" }), 11, "the header's checksum is wrong"],
        [gzipMember(text, { name: "n".repeat(512) }), 10 + 511, "the header's file name is too long"],
        [gzipMember(text, { comment: "c".repeat(512) }), 10 + 511, "the header's comment is too long"],
      ];
      for (const [bytes, offset, reason] of cases) {
        const fields = { subject: "blob x", format: "gzip", offset, reason };
        assert.throws(() => decode(bytes), { code: "BAD_ARCHIVE", fields });
        assert.throws(() => decode(bytes, [1], [1]), { code: "BAD_ARCHIVE", fields });
      }
      for (const bytes of [gzipMember(text, { crc: 1 }), gzipMember(text, { size: text.length + 1 })]) {
        assert.throws(() => decode(bytes), { code: "BAD_ARCHIVE" });
        assert.throws(() => decode(bytes, [1], [1]), { code: "BAD_ARCHIVE" });
      }
    });

    test("is not done before the last byte, wherever the stream is cut", () => {
      const small = gzipMember(Buffer.from("a layer, and a layer\n"), {
        name: "l",
        extra: Buffer.of(1),
        headerCrc: true,
      });
      const first = gzipMember(Buffer.from("x"));
      const whole = Buffer.concat([first, small]);
      for (let length = 0; length <= whole.length; length++) {
        const { done } = decode(whole.subarray(0, length));
        assert.equal(done, length === first.length || length === whole.length, `cut at ${length}`);
      }
    });

    test("fails with BAD_ARCHIVE or gives the right bytes when a bit is flipped", () => {
      const whole = gzipMember(text.subarray(0, 600), { name: "layer" });
      for (let bit = 0; bit < whole.length * 8; bit++) {
        const flipped = Buffer.from(whole);
        flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        try {
          const { data, done } = decode(flipped, [50], [70]);
          if (done) assert.deepEqual(data, text.subarray(0, 600), `bit ${bit}`);
        } catch (error) {
          assert.ok(error instanceof OvlError && error.code === "BAD_ARCHIVE", `bit ${bit}: ${error}`);
        }
      }
    });

    test("survives noise behind a valid header", () => {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 1, maxLength: 2000 }), sizes, (noise, output) => {
          const bytes = Buffer.concat([gzipMember(text).subarray(0, 10), noise]);
          try {
            decode(bytes, [64], output);
          } catch (error) {
            assert.ok(error instanceof OvlError && error.code === "BAD_ARCHIVE", String(error));
          }
        }),
        { numRuns: 300 },
      );
    });
  });
}
