import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { removeTree } from "../../src/driver/remove-tree.js";
import { oracle } from "../support/oracles.js";
import { scratch } from "../support/tmp.js";

test("a tree with names that are no UTF-8 goes", () => {
  using work = scratch("rm", 0);
  const dir = Buffer.concat([Buffer.from(work.dir("tree")), Buffer.from([0x2f, 0xff, 0xfe])]);
  mkdirSync(dir);
  writeFileSync(Buffer.concat([dir, Buffer.from([0x2f, 0x80])]), "x");
  removeTree(work.join("tree"));
  assert.equal(existsSync(work.join("tree")), false);
});

test("a tree deeper than any path can be goes", () => {
  using work = scratch("rm", 0);
  work.dir("tree");
  const script = `
import os
os.chdir(${JSON.stringify(work.join("tree"))})
for i in range(60):
    os.mkdir("d" * 200); os.chdir("d" * 200); open("f", "w").close()
`;
  if (spawnSync("python3", ["-c", script]).status !== 0) {
    const deeper = "mkdir $0 && cd $0 && touch f";
    const status = spawnSync("bash", [
      "-c",
      `cd "$1" && for i in $(seq 60); do ${deeper}; done`,
      "d".repeat(200),
      work.join("tree"),
    ]);
    assert.equal(status.status, 0);
  }
  removeTree(work.join("tree"));
  assert.equal(existsSync(work.join("tree")), false);
});

test("symlinks go, what they lead to stays", () => {
  using work = scratch("rm", 0);
  writeFileSync(work.join("outside"), "stays");
  work.dir("tree", "sub");
  symlinkSync("../outside", work.join("tree", "link"));
  symlinkSync("../..", work.join("tree", "sub", "up"));
  removeTree(work.join("tree"));
  assert.equal(readFileSync(work.join("outside"), "utf8"), "stays");
  assert.equal(existsSync(work.join("tree")), false);
});

test("what is absent is removed already", () => {
  using work = scratch("rm", 0);
  removeTree(work.join("nothing"));
});

test("directories that their owner may not enter go too", { skip: oracle("nonroot") }, () => {
  using work = scratch("rm", 0);
  const closed = work.dir("tree", "closed");
  writeFileSync(`${closed}/f`, "x");
  chmodSync(closed, 0o000);
  removeTree(work.join("tree"));
  assert.equal(existsSync(work.join("tree")), false);
});

test("a mount inside is left alone and named", { skip: oracle("root") }, (context) => {
  using work = scratch("rm", 0);
  const merged = work.dir("tree", "merged");
  if (spawnSync("mount", ["-t", "tmpfs", "none", merged]).status !== 0) return context.skip("may not mount");
  try {
    writeFileSync(`${merged}/volume`, "somebody's");
    writeFileSync(work.join("tree", "a"), "x");
    assert.throws(() => removeTree(work.join("tree")), { code: "IN_USE", message: /merged is mounted/ });
    assert.ok(existsSync(`${merged}/volume`));
    assert.ok(existsSync(work.join("tree", "a")));
  } finally {
    spawnSync("umount", [merged]);
  }
});
