import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { crc64Engines, loadCrc64 } from "../../src/blob/crc64.js";

/** Bit by bit, from the definition: polynomial 0xD8…00 reflected, all ones before and after. */
function byDefinition(bytes: Uint8Array): string {
  const ones = 0xffff_ffff_ffff_ffffn;
  let crc = ones;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1n) ^ (crc & 1n ? 0xd800_0000_0000_0000n : 0n);
  }
  return (crc ^ ones).toString(16).padStart(16, "0");
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

for (const engine of await crc64Engines()) {
  suite(`CRC-64 by ${engine.name}`, () => {
    test("gives what tar-split stores", () => {
      const known = { "": "AAAAAAAAAAA=", "1": "QyAAAAAAAAA=", hello: "PD7u4tgQAAA=", "123456789": "uQlWx3WkEAE=" };
      const crc = engine.create();
      for (const [text, base64] of Object.entries(known)) {
        crc.reset();
        crc.update(Buffer.from(text));
        assert.equal(Buffer.from(crc.digest()).toString("base64"), base64, text);
      }
    });

    test("agrees with the definition, in any pieces, and for several files at once", () => {
      const file = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 });
      fc.assert(
        fc.property(fc.array(file, { minLength: 1, maxLength: 3 }), (files) => {
          const sums = files.map(() => engine.create());
          for (let piece = 0; piece < 4; piece++) {
            files.forEach((pieces, i) => void sums[i]?.update(pieces[piece] ?? new Uint8Array(0)));
          }
          for (const [i, pieces] of files.entries()) {
            assert.equal(hex(sums[i]?.digest() as Uint8Array), byDefinition(Buffer.concat(pieces)));
          }
        }),
      );
    });

    test("starts anew after reset, and goes on after digest", () => {
      const crc = engine.create();
      crc.update(Buffer.from("other"));
      crc.reset();
      crc.update(Buffer.from("hel"));
      assert.equal(hex(crc.digest()), byDefinition(Buffer.from("hel")));
      crc.update(new Uint8Array(new SharedArrayBuffer(2)).fill(0x6c).subarray(0, 1));
      crc.update(Buffer.from("o"));
      assert.equal(hex(crc.digest()), byDefinition(Buffer.from("hello")));
    });
  });
}

test("loadCrc64 makes independent checksums", async () => {
  const create = await loadCrc64();
  const [one, two] = [create(), create()];
  one.update(Buffer.from("hel"));
  two.update(Buffer.from("1"));
  one.update(Buffer.from("lo"));
  assert.equal(hex(one.digest()), "3c3eeee2d8100000");
  assert.equal(hex(two.digest()), "4320000000000000");
});
