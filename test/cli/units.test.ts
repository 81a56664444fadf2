import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { humanAge, humanDuration, humanSize, shortId } from "../../src/cli/units.js";

describe("humanSize", () => {
  // Values as docker 20.10 prints them (go-units, base 1000).
  const cases: [number, string, string][] = [
    [0, "0B", "0B"],
    [999, "999B", "999B"],
    [1000, "1kB", "1kB"],
    [1536, "1.54kB", "1.536kB"],
    [72_770_000, "72.8MB", "72.77MB"],
    [187_654_321, "188MB", "187.7MB"],
    [1_500_000_000, "1.5GB", "1.5GB"],
    [4_294_967_296, "4.29GB", "4.295GB"],
  ];
  for (const [bytes, three, four] of cases) {
    it(`${bytes} bytes are ${three}, with four digits ${four}`, () => {
      assert.equal(humanSize(bytes), three);
      assert.equal(humanSize(bytes, 4), four);
    });
  }

  it("never shows an exponent: what rounds to 1000 of a unit is 1 of the next", () => {
    assert.equal(humanSize(999_600), "1MB");
    assert.equal(humanSize(999_400), "999kB");
  });
});

describe("humanDuration", () => {
  const MINUTE = 60;
  const HOUR = 3600;
  const DAY = 24 * HOUR;
  const cases: [number, string][] = [
    [0.4, "Less than a second"],
    [1.2, "1 second"],
    [59.9, "59 seconds"],
    [MINUTE, "About a minute"],
    [2 * MINUTE, "2 minutes"],
    [59 * MINUTE, "59 minutes"],
    [HOUR, "About an hour"],
    [1.4 * HOUR, "About an hour"],
    [1.6 * HOUR, "2 hours"],
    [47 * HOUR, "47 hours"],
    [2 * DAY, "2 days"],
    [13 * DAY, "13 days"],
    [14 * DAY, "2 weeks"],
    [59 * DAY, "8 weeks"],
    [60 * DAY, "2 months"],
    [729 * DAY, "24 months"],
    [730 * DAY, "2 years"],
  ];
  for (const [seconds, words] of cases) {
    it(`${seconds} seconds are "${words}"`, () => assert.equal(humanDuration(seconds), words));
  }
});

describe("humanAge", () => {
  const now = Date.parse("2024-03-15T12:00:00Z");

  it("counts back from now, whatever the offset and the digits of the time", () => {
    assert.equal(humanAge("2024-03-01T12:00:00.123456789Z", now), "2 weeks ago");
    assert.equal(humanAge("2024-03-15T13:00:00+02:00", now), "About an hour ago");
  });

  it("counts from the beginning of the second, which is all that docker's client is told", () => {
    assert.equal(humanAge("2024-03-15T11:59:57.900Z", now), "3 seconds ago");
    assert.equal(humanAge("1969-12-31T23:59:58.5Z", 0), "2 seconds ago");
  });

  it("is N/A where there is no time, or Go's zero time, or none that can be read", () => {
    for (const time of [null, "0001-01-01T00:00:00Z", "yesterday"]) assert.equal(humanAge(time, now), "N/A");
  });
});

it("shortId is the first twelve hex characters", () => {
  assert.equal(shortId(`sha256:${"0123456789abcdef".repeat(4)}`), "0123456789ab");
  assert.equal(shortId("0123456789abcdef"), "0123456789ab");
});
