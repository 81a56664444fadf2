import assert from "node:assert/strict";
import { posix } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { ByteString } from "../../src/model/bytes.js";
import { baseName, cleanPath, escapes } from "../../src/tar/clean.js";

const clean = (name: string) => cleanPath(name as ByteString);

describe("cleanPath", () => {
  for (const [name, expected] of Object.entries({
    "": ".",
    ".": ".",
    "./": ".",
    "/": "/",
    "//": "/",
    "./a": "a",
    "a/": "a",
    "a//b/./c": "a/b/c",
    "a/../x": "x",
    "a/..": ".",
    "../x": "../x",
    "a/../../x": "../x",
    "/..": "/",
    "/../x": "/x",
    "/a/": "/a",
    ".wh.a": ".wh.a",
    "a/.wh..wh..opq": "a/.wh..wh..opq",
    "..a/b..": "..a/b..",
    "a/...": "a/...",
  })) {
    it(`makes "${expected}" of "${name}"`, () => assert.equal(clean(name), expected));
  }

  it("agrees with Node's normalisation but for the trailing slash", () => {
    const names = fc.array(fc.constantFrom("/", ".", "..", "a", "b.", "\xe9")).map((parts) => parts.join(""));
    fc.assert(
      fc.property(names, (name) => {
        assert.equal(clean(name), posix.normalize(name).replace(/(?<=.)\/$/, ""));
      }),
    );
  });

  it("leaves what it made as it is", () => {
    const names = fc.array(fc.constantFrom("/", ".", "a")).map((parts) => parts.join(""));
    fc.assert(fc.property(names, (name) => assert.equal(clean(clean(name)), clean(name))));
  });
});

describe("escapes", () => {
  it("is true of relative names that lead out, and only of them", () => {
    const out = ["../x", "..", "a/../../x"].filter((name) => escapes(clean(name)));
    const inside = ["..a", "/../x", "a/..", "./..b"].filter((name) => escapes(clean(name)));
    assert.deepEqual([out.length, inside.length], [3, 0]);
  });
});

describe("baseName", () => {
  it("is the last component", () => {
    assert.deepEqual(
      ["a", "a/b", "/a", "/"].map((name) => baseName(name as ByteString)),
      ["a", "b", "a", ""],
    );
  });
});
