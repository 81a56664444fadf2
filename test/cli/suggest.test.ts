import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { editDistance, nearest } from "../../src/cli/suggest.js";

describe("nearest", () => {
  const commands = ["images", "inspect", "history", "pull", "id", "rmi"];

  it("finds what was meant: a slip, a swap, a beginning", () => {
    assert.equal(nearest("imagse", commands), "images");
    assert.equal(nearest("plul", commands), "pull");
    assert.equal(nearest("hist", commands), "history");
  });

  it("names nothing when nothing is near", () => {
    assert.equal(nearest("frobnicate", commands), null);
    assert.equal(nearest("zz", commands), null);
  });
});

it("editDistance counts a swap of neighbours as one", () => {
  assert.equal(editDistance("ab", "ba"), 1);
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("kitten", "sitting"), 3);
});
