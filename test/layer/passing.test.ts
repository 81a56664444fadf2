import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { gathered, stoppable } from "../../src/layer/passing.js";
import { Ring, RingAborted } from "../../src/layer/ring.js";
import { readAll, sourceOf } from "../support/sources.js";

describe("small pieces gathered", () => {
  it("are the same bytes, however they are cut", () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 200_000 })), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 300_000 }), (cut, length) => {
        const bytes = Buffer.from(Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
        assert.ok(readAll(gathered(sourceOf(bytes, ...cut))).equals(bytes));
      }),
      { numRuns: 60 },
    );
  });

  it("are few, and large ones pass in place", () => {
    let pieces = 0;
    const small = gathered(sourceOf(Buffer.alloc(100_000), 512));
    for (let piece = small.read(); piece !== null; piece = small.read()) pieces++;
    assert.equal(pieces, 2);
    const bytes = Buffer.alloc(100_000, 1);
    const large = gathered({ read: () => bytes });
    assert.equal(large.read(), bytes);
  });
});

describe("what can be stopped", () => {
  it("ends at the next piece once it is called off, however much of the tar is left", () => {
    const ring = new Ring(0);
    const endless = stoppable({ read: () => Buffer.alloc(10) }, ring);
    assert.equal(endless.read()?.length, 10);
    new Ring(ring.memory).cancel();
    assert.throws(() => endless.read(), RingAborted);
  });
});
