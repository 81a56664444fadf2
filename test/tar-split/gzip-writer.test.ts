import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { GzipWriter } from "../../src/tar-split/gzip-writer.js";

function compressed(write: (gzip: GzipWriter) => void): Buffer {
  const out: Uint8Array[] = [];
  using gzip = new GzipWriter((bytes) => out.push(Buffer.from(bytes)));
  write(gzip);
  gzip.end();
  return Buffer.concat(out);
}

describe("GzipWriter", () => {
  it("writes the header that Go writes", () => {
    const bytes = compressed((gzip) => gzip.writeLatin1("x"));
    assert.equal(bytes.subarray(0, 10).toString("hex"), "1f8b08000000000000ff");
  });

  it("writes one member for no input at all", () => {
    assert.equal(gunzipSync(compressed(() => {})).length, 0);
  });

  it("gives back input of every size around the edges of its pieces", () => {
    const noise = randomBytes(300_000);
    const input = Buffer.concat([noise, noise.subarray(0, 100_000), Buffer.alloc(400_000, "abc"), noise]);
    for (const size of [1, 65_535, 65_536, 65_537, 131_072, input.length]) {
      const bytes = compressed((gzip) => gzip.writeLatin1(input.toString("latin1", 0, size)));
      assert.deepEqual(gunzipSync(bytes), input.subarray(0, size), `${size} bytes`);
    }
  });

  it("gives the same bytes however the input is cut", () => {
    const input = Buffer.from(Array.from({ length: 600_000 }, (_, i) => (i * i) >> 7));
    const whole = compressed((gzip) => gzip.writeLatin1(input.toString("latin1")));
    const cut = compressed((gzip) => {
      for (let at = 0; at < input.length; at += 7919) gzip.writeLatin1(input.toString("latin1", at, at + 7919));
    });
    assert.deepEqual(cut, whole);
    assert.deepEqual(gunzipSync(whole), input);
  });

  it("refers back across its pieces", () => {
    const noise = randomBytes(4 * 1024);
    const input = Buffer.concat(Array.from({ length: 256 }, () => noise));
    assert.ok(compressed((gzip) => gzip.writeLatin1(input.toString("latin1"))).length < 4 * noise.length);
  });
});
