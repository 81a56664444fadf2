import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { suite, test } from "node:test";
import fc from "fast-check";
import { zstdEngines } from "../../../src/blob/engines/zstd-engine.js";
import { OvlError } from "../../../src/errors.js";
import { sha256 } from "../../../src/model/digest.js";
import { inflateAll } from "../../support/inflate.js";
import { zstdBomb, zstdStored } from "../../support/zstd.js";

const noZstd = spawnSync("zstd", ["--version"]).status === 0 ? false : "zstd(1) is not installed";

const made = new Map<string, Buffer>();

/** By zstd(1), once for all engines. */
function compressed(data: Uint8Array, ...flags: string[]): Buffer {
  const key = `${sha256(data)} ${flags.join(" ")}`;
  const frame = made.get(key) ?? compress(data, flags);
  made.set(key, frame);
  return frame;
}

function compress(data: Uint8Array, flags: readonly string[]): Buffer {
  const { status, stdout, stderr } = spawnSync("zstd", ["-q", "-c", ...flags], { input: data, maxBuffer: 2 ** 30 });
  assert.equal(status, 0, String(stderr));
  return stdout;
}

/** Bytes that repeat only after 3 MiB: no window of the common levels finds it. */
function farRepeat(): Buffer {
  const noise = Buffer.alloc(3 * 2 ** 20);
  for (let i = 0, x = 1; i < noise.length; i += 4)
    noise.writeUInt32LE((x = (Math.imul(x, 1664525) + 1013904223) >>> 0), i);
  return Buffer.concat([noise, noise]);
}

const text = Buffer.from(Array.from({ length: 4_000 }, (_, i) => `line ${i * 7919} of a file\n`).join(""));
const samples = [
  Buffer.alloc(0),
  Buffer.from("x"),
  text,
  Buffer.alloc(500_000),
  Buffer.concat([text, Buffer.alloc(9), text]),
];
const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 50_000 })), {
  minLength: 1,
});
const skippable = Buffer.from([0x57, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

for (const engine of zstdEngines()) {
  const decode = (bytes: Uint8Array, input = [1 << 18], output = [1 << 18]) =>
    inflateAll(engine.open("blob x"), bytes, input, output);

  suite(`zstd by ${engine.name}`, () => {
    test("reads every level, with and without checksum and content size", { skip: noZstd }, () => {
      for (const data of samples) {
        for (const flags of [["-1"], ["-19", "--check"], ["-3", "--no-check"], ["--ultra", "-20"], ["--fast=5"]]) {
          assert.deepEqual(decode(compressed(data, ...flags)), { data, done: true }, flags.join(" "));
        }
      }
    });

    test("gives the same bytes wherever input and output are split", { skip: noZstd }, () => {
      const frames = samples.map((data) => compressed(data, "--check"));
      fc.assert(
        fc.property(
          fc.array(fc.nat(samples.length - 1), { minLength: 1, maxLength: 3 }),
          sizes,
          sizes,
          (picks, i, o) => {
            const stream = Buffer.concat(picks.flatMap((pick) => [skippable, frames[pick] as Buffer]));
            const data = Buffer.concat(picks.map((pick) => samples[pick] as Buffer));
            const inputs = [...i, 1000];
            assert.deepEqual(decode(Buffer.concat([stream, skippable]), inputs, [...o, 10_000]), { data, done: true });
          },
        ),
        { numRuns: 15 },
      );
    });

    test("reads windows of up to 128 MiB and refuses larger ones", { skip: noZstd }, () => {
      const far = farRepeat();
      const long = compressed(far, "--long=27");
      assert.ok(long.length < far.length * 0.6, "the sample needs its window");
      assert.ok(decode(long).data.equals(far));
      // From stdin the content size is unknown, so the frame says the window that was asked for.
      assert.throws(() => decode(compressed(far, "--long=28")), { code: "BAD_ARCHIVE" });
    });

    test("reads stored and run-length blocks", () => {
      assert.deepEqual(decode(zstdStored(text), [999], [777]), { data: text, done: true });
      assert.deepEqual(decode(zstdBomb(40)).data, Buffer.alloc(40 * 128 * 1024));
    });

    test("is not done before the last byte, wherever the stream is cut", { skip: noZstd }, () => {
      const frame = compressed(Buffer.from("a layer, and a layer, and a layer\n"), "--check");
      const whole = Buffer.concat([frame, frame]);
      for (let length = 0; length <= whole.length; length++) {
        const { done } = decode(whole.subarray(0, length));
        assert.equal(done, length === frame.length || length === whole.length, `cut at ${length}`);
      }
    });

    test("refuses what is no frame behind a frame", () => {
      for (const tail of [Buffer.alloc(16), Buffer.from("garbage!")]) {
        assert.throws(() => decode(Buffer.concat([zstdStored(text), tail])), { code: "BAD_ARCHIVE" });
      }
    });

    test("never fails with anything but BAD_ARCHIVE, whatever bits are flipped", { skip: noZstd }, () => {
      const whole = compressed(text.subarray(0, 500), "-19", "--check");
      for (let bit = 0; bit < whole.length * 8; bit++) {
        const flipped = Buffer.from(whole);
        flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        try {
          decode(flipped, [100], [2000]);
        } catch (error) {
          assert.ok(error instanceof OvlError && error.code === "BAD_ARCHIVE", `bit ${bit}: ${error}`);
        }
      }
    });
  });
}
