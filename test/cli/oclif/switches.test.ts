import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutSwitchValues } from "../../../src/cli/oclif/switches.js";

const FLAGS = {
  force: { type: "boolean", char: "f" },
  "dry-run": { type: "boolean" },
  quiet: { type: "boolean", char: "q" },
  tag: { type: "option", char: "t" },
};
const plain = (line: string) => withoutSwitchValues(line.split(" "), FLAGS).join(" ");

test("a boolean flag with a value is the flag, or none", () => {
  for (const [line, expected] of [
    ["--force=true x", "--force x"],
    ["--force=false x", "x"],
    ["-f=1 -q=F x", "-f x"],
    ["x --dry-run=False --quiet", "x --quiet"],
    ["--force=T", "--force"],
  ] as const) {
    assert.equal(plain(line), expected, line);
  }
});

test("of several the last one counts", () => {
  for (const [line, expected] of [
    ["--force --force=false x", "x"],
    ["-f --force=false x", "x"],
    ["--force=false --force x", "--force x"],
    ["--force=true --force=false x --force=true", "x --force"],
  ] as const) {
    assert.equal(plain(line), expected, line);
  }
});

test("everything else stays as it is", () => {
  for (const line of [
    "--tag=false x",
    "-t --force=no x",
    "--tag --force=no",
    "x -- --force=false",
    "--nope=1",
    "a=b",
  ]) {
    assert.equal(plain(line), line);
  }
});

test("another value is refused", () => {
  assert.throws(() => plain("--force=maybe x"), { code: "USAGE", message: /--force is on or off.*"maybe"/ });
});
