import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatRfc3339, parseRfc3339 } from "../../src/model/time.js";

describe("RFC 3339 times", () => {
  it("give the seconds, nanoseconds and offset", () => {
    assert.deepEqual(parseRfc3339("1970-01-01T01:00:01.5+01:00"), { sec: 1, nsec: 500_000_000, offset: 3600 });
    assert.deepEqual(parseRfc3339("0001-01-01T00:00:00Z"), { sec: -62_135_596_800, nsec: 0, offset: 0 });
    assert.deepEqual(parseRfc3339("2020-02-02T02:02:02.123456789999Z"), {
      sec: 1580608922,
      nsec: 123456789,
      offset: 0,
    });
  });

  it("come back as Go writes them", () => {
    const zone = fc.integer({ min: -14 * 60, max: 14 * 60 }).map((minutes) => minutes * 60);
    const sec = fc.integer({ min: -62_135_000_000, max: 253_402_000_000 });
    fc.assert(
      fc.property(sec, fc.integer({ min: 0, max: 999_999_999 }), zone, (sec, nsec, offset) => {
        const time = { sec, nsec, offset };
        const text = formatRfc3339(time);
        assert.deepEqual(parseRfc3339(text), time, text);
        assert.doesNotMatch(text, /\.\d*0[Z+-]|\.[Z+-]/);
      }),
    );
  });
});
