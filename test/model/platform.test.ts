import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  bestPlatform,
  defaultPlatform,
  formatPlatform,
  hostPlatform,
  normalizePlatform,
  parsePlatform,
} from "../../src/model/platform.js";

const format = (text: string) => formatPlatform(parsePlatform(text));
const best = (wanted: string, ...offered: (string | null)[]) =>
  bestPlatform(
    parsePlatform(wanted),
    offered.map((text) => (text === null ? null : parsePlatform(text))),
  );

describe("platforms", () => {
  it("are parsed and spelled as containerd spells them", () => {
    const spellings = {
      "linux/amd64": "linux/amd64",
      "Linux/x86_64": "linux/amd64",
      "linux/amd64/v1": "linux/amd64",
      "linux/amd64/v3": "linux/amd64/v3",
      "linux/aarch64": "linux/arm64",
      "linux/arm64/v8": "linux/arm64",
      "linux/arm64/8": "linux/arm64",
      "linux/arm64/v9": "linux/arm64/v9",
      "linux/arm": "linux/arm/v7",
      "linux/arm/6": "linux/arm/v6",
      "linux/armhf": "linux/arm/v7",
      "linux/armel": "linux/arm/v6",
      "linux/i386": "linux/386",
      "macos/arm64": "darwin/arm64",
      arm64: "linux/arm64",
      "windows/amd64": "windows/amd64",
    };
    for (const [text, expected] of Object.entries(spellings)) assert.equal(format(text), expected, text);
    assert.equal(format("linux"), formatPlatform(hostPlatform()));
  });

  it("refuse other text", () => {
    for (const text of ["", "/", "linux/", "linux/amd64/", "linux/amd64/v1/x", "linux amd64", "linux/\u001b"]) {
      assert.throws(() => parsePlatform(text), { code: "USAGE" }, text);
    }
  });

  it("are the host's by default, or what docker's variable says", () => {
    assert.deepEqual(defaultPlatform({}), hostPlatform());
    assert.deepEqual(defaultPlatform({ DOCKER_DEFAULT_PLATFORM: "" }), hostPlatform());
    assert.equal(formatPlatform(defaultPlatform({ DOCKER_DEFAULT_PLATFORM: "linux/arm/v6" })), "linux/arm/v6");
    assert.throws(() => defaultPlatform({ DOCKER_DEFAULT_PLATFORM: "a/b/c/d" }), { code: "USAGE" });
    assert.deepEqual(normalizePlatform(hostPlatform()), hostPlatform());
  });

  it("match whatever the spelling", () => {
    assert.equal(best("linux/arm64", "linux/amd64", "linux/aarch64/v8"), 1);
    assert.equal(best("linux/amd64", null, "windows/amd64", "linux/x86-64"), 2);
    assert.equal(best("linux/amd64", "linux/amd64", "linux/amd64"), 0);
  });

  it("match the highest variant that the processor runs", () => {
    assert.equal(best("linux/arm/v7", "linux/arm/v5", "linux/arm/v6", "linux/arm64"), 1);
    assert.equal(best("linux/arm/v6", "linux/arm/v7", "linux/arm/v5"), 1);
    assert.equal(best("linux/amd64/v3", "linux/amd64", "linux/amd64/v2", "linux/amd64/v4"), 1);
    assert.equal(best("linux/amd64", "linux/amd64/v2"), null);
    assert.equal(best("linux/arm64/v9", "linux/arm64", "linux/arm64/v8.5"), 1);
    assert.equal(best("linux/arm64/v8.2", "linux/arm64/v8.3", "linux/arm64"), 1);
  });

  it("never match another architecture or system", () => {
    assert.equal(best("linux/amd64", "linux/386", "windows/amd64", null), null);
    assert.equal(best("linux/arm64", "linux/arm/v7"), null);
    assert.equal(best("linux/amd64/v99999999999", "linux/386"), null);
  });
});
