import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import type { ByteSource } from "../../src/blob/byte-source.js";
import { compress, compressedBy } from "../../src/blob/compress.js";
import { decompress } from "../../src/blob/decompress.js";
import { compressorsFor } from "../../src/blob/engines/compressors.js";
import { OvlError } from "../../src/errors.js";
import { readAll, sourceOf } from "../support/inflate.js";

const text = Buffer.from(Array.from({ length: 30_000 }, (_, i) => `entry ${i * 31}\n`).join(""));
const noise = Buffer.alloc(300_000);
for (let i = 0, x = 1; i < noise.length; i++) noise[i] = (x = (Math.imul(x, 1664525) + 1013904223) >>> 0) >>> 24;
const samples = [Buffer.alloc(0), Buffer.from("x"), text, noise, Buffer.alloc(600_000), Buffer.alloc(256 * 1024, "ab")];

for (const format of ["gzip", "zstd"] as const) {
  for (const engine of compressorsFor(format)) {
    suite(`${format} written by ${engine.name}`, () => {
      test("reads back as it was", () => {
        for (const data of samples) {
          const compressed = readAll(compressedBy(engine, sourceOf(data)));
          assert.ok(readAll(decompress(sourceOf(compressed), "blob")).equals(data));
          if (format === "gzip") assert.ok(gunzipSync(compressed).equals(data));
        }
      });

      test("is the same however the source is cut up, and from run to run", () => {
        const data = Buffer.concat(samples);
        const whole = readAll(compressedBy(engine, sourceOf(data)));
        const sizes = fc.array(fc.integer({ min: 1000, max: 400_000 }), { minLength: 1, maxLength: 5 });
        fc.assert(
          fc.property(sizes, (sizes) => readAll(compressedBy(engine, sourceOf(data, ...sizes))).equals(whole)),
          { numRuns: 8 },
        );
      });

      test("says nothing of when, where and from what it was made", {
        skip: format === "zstd" && "zstd says none",
      }, () => {
        const [, , method, flags, ...time] = readAll(compressedBy(engine, sourceOf(text))).subarray(0, 8);
        assert.deepEqual([method, flags, ...time], [8, 0, 0, 0, 0, 0]);
      });
    });
  }
}

test("compress passes on what the source throws, and never ends as if all were well", () => {
  const failing: ByteSource = {
    read() {
      throw new OvlError("IO", "no more");
    },
  };
  const source = compress(failing, "gzip");
  for (let i = 0; i < 2; i++) assert.throws(() => source.read(), { code: "IO" });
});

test("compress can be left before its end", () => {
  const source = compress(sourceOf(Buffer.concat([noise, noise, noise]), 1000), "gzip");
  assert.ok(source.read());
  source[Symbol.dispose]();
  assert.equal(source.read(), null);
});
