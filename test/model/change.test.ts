import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { OvlError } from "../../src/errors.js";
import { applyChanges } from "../../src/model/change.js";
import { parseDuration } from "../../src/model/go-duration.js";
import { parsePorts } from "../../src/model/ports.js";
import { isSignal } from "../../src/model/signal.js";
import { CHANGES } from "./change-cases.js";

/** Zero values are what docker leaves out or shows as none. */
function apparent(config: object): object {
  const entries = Object.entries(config).filter(([key, value]) => {
    if (key === "Cmd") return value !== null;
    return value !== null && (typeof value !== "object" || Object.keys(value).length > 0);
  });
  return Object.fromEntries(entries);
}

describe("changes to a config", () => {
  for (const { changes, expected } of CHANGES) {
    it(`${JSON.stringify(changes)} ${expected === null ? "is refused" : "is applied"} as docker does`, () => {
      if (expected !== null) assert.deepEqual(apparent(applyChanges({}, changes)), expected);
      else
        assert.throws(
          () => applyChanges({}, changes),
          (error) => error instanceof OvlError && error.code === "USAGE",
        );
    });
  }

  it("alter what is there and keep the rest", () => {
    const before = {
      Hostname: "h",
      Env: ["PATH=/bin", "A=1"],
      Cmd: ["old"],
      WorkingDir: "/w",
      Labels: { a: "1" },
      Shell: ["/bin/bash", "-ec"],
    };
    const after = applyChanges(before, ["ENV A=2 B=$PATH", "WORKDIR sub", "LABEL b=2", "ENTRYPOINT run it"]);
    assert.deepEqual(after, {
      ...before,
      Env: ["PATH=/bin", "A=2", "B=/bin"],
      Cmd: null,
      WorkingDir: "/w/sub",
      Labels: { a: "1", b: "2" },
      Entrypoint: ["/bin/bash", "-ec", "run it"],
    });
    assert.deepEqual(before.Env, ["PATH=/bin", "A=1"], "the config that was given stays as it was");
    assert.equal(applyChanges(before, []), before);
  });

  it("take STOPSIGNAL, as docker does since 23.0", () => {
    assert.deepEqual(applyChanges({}, ["STOPSIGNAL SIGTERM"]), { StopSignal: "SIGTERM" });
    assert.deepEqual(applyChanges({ Env: ["s=9"] }, ["STOPSIGNAL $s"])["StopSignal"], "9");
    assert.throws(() => applyChanges({}, ["STOPSIGNAL SIGNOTHING"]), /no signal/);
  });

  it("take a key that every object has for a key like any other", () => {
    const { Labels } = applyChanges({}, ["LABEL __proto__=x constructor=y"]) as { Labels: object };
    assert.deepEqual(Object.entries(Labels), [
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
  });

  it("never fail otherwise than with an error for the user", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "CMD",
        "ENV",
        "EXPOSE",
        "LABEL",
        "HEALTHCHECK",
        "ONBUILD",
        "VOLUME",
        "WORKDIR",
        "USER",
        "ENTRYPOINT",
      ),
      fc.constantFrom(
        " ",
        "=",
        "$",
        "${",
        "}",
        ":",
        "-",
        "--",
        "\\",
        "\n",
        "'",
        '"',
        "[",
        "]",
        ",",
        "#",
        "/",
        "80",
        "a",
        "é",
        "😀",
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        try {
          applyChanges({}, [pieces.join("")]);
        } catch (error) {
          assert.ok(error instanceof OvlError && error.code === "USAGE", String(error));
        }
      }),
    );
  });
});

describe("words that changes are made of", () => {
  it("ports have an address, a host's port and a protocol around them", () => {
    assert.deepEqual(parsePorts("[::1]:80:90-91/udp"), {
      problem: "the two ranges of [::1]:80:90-91/udp differ in length",
    });
    assert.deepEqual(parsePorts("[::1]:80-81:90-91/udp"), ["90/udp", "91/udp"]);
    assert.ok("problem" in parsePorts("1:2:3:4"));
  });

  it("durations are Go's", () => {
    assert.equal(parseDuration("-1.5h"), -5.4e12);
    assert.equal(parseDuration("0"), 0);
    assert.equal(parseDuration(".5s"), 5e8);
    assert.equal(parseDuration("1µs"), 1000);
    for (const wrong of ["", "1", "s", "1x", "1s2", "1 s", "+", "-", "9999999999h"]) {
      assert.equal(parseDuration(wrong), null, wrong);
    }
  });

  it("signals have names with and without SIG, and numbers", () => {
    for (const text of ["TERM", "sigterm", "15", "RTMIN+15", "SIGRTMAX-1", "RTMAX"]) assert.ok(isSignal(text), text);
    for (const text of ["", "0", "SIGSIGTERM", "RTMIN+16", "RTMAX-15", "TERM "]) assert.ok(!isSignal(text), text);
  });
});
