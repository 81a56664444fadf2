import assert from "node:assert/strict";
import { test } from "node:test";
import { unknownCommand } from "../../src/cli/unknown-command.js";

const message = (line: string) =>
  unknownCommand(
    line.split(" ").filter((word) => word !== ""),
    ["images", "pull", "rmi"],
  )?.message ?? null;

test("a word that is no command is refused, with the nearest one, and never taken for that one", () => {
  for (const [line, expected] of [
    ["rmii app:1", "unknown command: rmii, did you mean rmi?; see ovl --help"],
    ["pull:x", "unknown command: pull:x, did you mean pull?; see ovl --help"],
    ["pul registry.example.com:5000/a/b:1 --help", "unknown command: pul, did you mean pull?; see ovl --help"],
    ["help imags", "unknown command: imags, did you mean images?; see ovl --help"],
    ["nothing-like-it", "unknown command: nothing-like-it; see ovl --help"],
    ["--nope images", "unknown flag: --nope; see ovl --help"],
    ["--root /r --json", "missing argument: COMMAND; see ovl --help"],
  ] as const) {
    assert.equal(message(line), expected, line);
  }
});

test("help, completion and nothing at all are left to oclif", () => {
  for (const line of ["", "--help", "--json -h", "help", "help pull", "pull --help", "autocomplete bash"]) {
    assert.equal(message(line), null, line);
  }
});
