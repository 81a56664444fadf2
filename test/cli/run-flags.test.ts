import assert from "node:assert/strict";
import { test } from "node:test";
import { labelsOf, ovlFirst, variablesOf } from "../../src/cli/run-flags.js";

const split = (line: string) => ovlFirst(line.split(" ")).join(" ");

test("what stands behind the image is the command's, but for flags of every command at the end", () => {
  for (const [line, expected] of [
    ["app", "-- app"],
    ["--name web -e A=1 app sh -c env", "--name web -e A=1 -- app sh -c env"],
    ["--name=web --json app ls -l -e /", "--name=web --json -- app ls -l -e /"],
    ["app ls -l / --root /r --json", "--root /r --json -- app ls -l /"],
    ["app --root=/r --name x", "-- app --root=/r --name x"],
    ["app pip install -q x --progress off --no-color", "--progress off --no-color -- app pip install -q x"],
    ["app --json --root /r", "--json --root /r -- app"],
    ["app ls --root", "-- app ls --root"],
    ["-- app ls --json", "-- app ls --json"],
    ["app npm test -- --watch --json", "-- app npm test -- --watch --json"],
    ["app -q --quiet", "--quiet -- app -q"],
    ["app -- ls --json --root", "-- app -- ls --json --root"],
    ["-- app ls", "-- app ls"],
    ["--entrypoint /bin/ls --label a=b -w / app -l", "--entrypoint /bin/ls --label a=b -w / -- app -l"],
    ["-eA=1 app", "-eA=1 -- app"],
    ["--name", "--name"],
    ["--json", "--json"],
  ] as const) {
    assert.equal(split(line), expected, line);
  }
});

test("a variable without a value takes the one it has here", () => {
  assert.deepEqual(variablesOf(["A=1", "HOME", "NOWHERE", "B="], { HOME: "/root" }), [
    "A=1",
    "HOME=/root",
    "NOWHERE",
    "B=",
  ]);
});

test("a label without a value is empty, and the last of a key counts", () => {
  assert.deepEqual(
    [...labelsOf(["a=1", "b", "c=x=y", "a=2"])],
    [
      ["a", "2"],
      ["b", ""],
      ["c", "x=y"],
    ],
  );
});

test("a label needs a key", () => {
  for (const label of ["", "=x"]) assert.throws(() => labelsOf([label]), { code: "USAGE", message: /no key/ });
});
