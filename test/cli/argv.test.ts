import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { commandFirst, wantsJson, wantsNoColor } from "../../src/cli/argv.js";

describe("commandFirst", () => {
  it("moves flags of every command behind the command", () => {
    assert.deepEqual(commandFirst(["--root", "/r", "-q", "images", "x"]), ["images", "--root", "/r", "-q", "x"]);
    assert.deepEqual(commandFirst(["--root=/r", "--json", "images"]), ["images", "--root=/r", "--json"]);
    assert.deepEqual(commandFirst(["--json=false", "images"]), ["images", "--json=false"]);
  });

  it("leaves everything else as it is", () => {
    for (const argv of [[], ["images", "--root", "/r"], ["--version"], ["--help"], ["--root"], ["--nope", "images"]]) {
      assert.deepEqual(commandFirst(argv), argv);
    }
  });
});

describe("wantsJson", () => {
  it("sees --json before -- only", () => {
    assert.equal(wantsJson(["id", "--json"]), true);
    assert.equal(wantsJson(["id", "--", "--json"]), false);
    assert.equal(wantsJson(["id"]), false);
    assert.equal(wantsJson(["id", "--json=true"]), true);
    assert.equal(wantsJson(["id", "--json", "--json=false"]), false);
  });
});

it("wantsNoColor takes the values that the parser takes, and leaves the words of others alone", () => {
  assert.equal(wantsNoColor(["id", "--no-color=true"]), true);
  assert.equal(wantsNoColor(["id", "--no-color", "--no-color=0"]), false);
  assert.equal(wantsNoColor(["create", "--", "app", "ls", "--no-color"]), false);
});
