/**
 * A small root changed at random, 2,000 times: a byte of a file, or a whole file or directory. fsck says what it says,
 * and neither fails, nor hangs, nor changes anything.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { checkRoot } from "../../src/audit/fsck.js";
import { fsck } from "../../src/audit/fsck-run.js";
import { OvlError } from "../../src/errors.js";
import { openStore } from "../../src/store/store.js";
import { scratch } from "../support/tmp.js";
import { copyRoot } from "./copy-root.js";
import { buildRoot } from "./root.js";

const MUTATIONS = 2000;

/** xorshift32: the same root is broken in the same ways every time. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function paths(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
}

/** Everything that a look may not change, times of access of files included. */
function fingerprint(root: string): string {
  const hash = createHash("sha256");
  for (const path of ["", ...paths(root)]) {
    const full = join(root, path);
    const stat = lstatSync(full, { bigint: true });
    const content = stat.isFile()
      ? readFileSync(full).toString("latin1")
      : stat.isSymbolicLink()
        ? readlinkSync(full)
        : "";
    hash.update(JSON.stringify([path, String(stat.mode), String(stat.mtimeNs), String(stat.ctimeNs), content]));
  }
  return hash.digest("hex");
}

/** Does something to a file or directory; answers what. */
function mutate(root: string, path: string, pick: (below: number) => number): string {
  const full = join(root, path);
  const stat = lstatSync(full);
  const isFile = stat.isFile();
  const gone = () => rmSync(full, { recursive: true });
  const kind = pick(isFile ? 10 : 5);
  switch (kind) {
    case 0:
      gone();
      return "gone";
    case 1:
      gone();
      symlinkSync(pick(2) === 0 ? "/etc" : "/proc/self/mem", full);
      return "a symlink out of the root";
    case 2:
      gone();
      spawnSync("mkfifo", [full]);
      return "a FIFO";
    case 3:
      gone();
      writeFileSync(full, Buffer.from([0, 255, 10, 128, 123, 34]));
      return "rubbish";
    case 4:
      gone();
      mkdirSync(full);
      return "an empty directory";
    case 5:
      truncateSync(full, 0);
      return "empty";
    case 6:
      truncateSync(full, pick(stat.size + 1));
      return "cut short";
    default: {
      const bytes = readFileSync(full);
      if (bytes.length === 0) return "as it was";
      const at = pick(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << pick(8));
      writeFileSync(full, bytes);
      return `bit flipped at ${at}`;
    }
  }
}

describe("fsck of a root that was changed at random", () => {
  it(`answers ${MUTATIONS} times, and changes nothing`, async () => {
    using work = scratch("mutations", 0);
    const sound = work.join("sound");
    await buildRoot(sound);
    const pick = random(20_101_124);
    const candidates = paths(sound);
    let root = copyRoot(sound, work.join("root"));
    let found = 0;
    for (let i = 0; i < MUTATIONS; i++) {
      const path = candidates[pick(candidates.length)] as string;
      const full = join(root, path);
      const what = `${path}: ${mutate(root, path, pick)} (mutation ${i})`;
      const before = i % 20 === 0 ? fingerprint(root) : null;
      try {
        await using store = await openStore({ root, driver: null });
        found += checkRoot(store).findings.length > 0 ? 1 : 0;
      } catch (thrown) {
        // A root without a layout is refused, by its name.
        assert.ok(thrown instanceof OvlError && thrown.code === "BAD_ROOT", `${what}: ${String(thrown)}`);
      }
      if (before !== null) assert.equal(fingerprint(root), before, what);
      rmSync(full, { recursive: true, force: true });
      const stat = lstatSync(join(sound, path), { throwIfNoEntry: false });
      const restored = stat === undefined ? 1 : spawnSync("cp", ["-a", join(sound, path), full]).status;
      if (restored !== 0) {
        rmSync(root, { recursive: true });
        root = copyRoot(sound, root);
      }
    }
    assert.ok(found > MUTATIONS / 2, `only ${found} of ${MUTATIONS} changes were found`);
  });

  it("answers with contents read, too", async () => {
    using work = scratch("mutations-deep", 0);
    const sound = work.join("sound");
    await buildRoot(sound);
    const pick = random(7);
    const candidates = paths(sound);
    for (let i = 0; i < 25; i++) {
      const root = copyRoot(sound, work.join(`root-${i}`));
      for (let j = 0; j < 3; j++) {
        const path = candidates[pick(candidates.length)] as string;
        if (existsSync(join(root, path))) mutate(root, path, pick);
      }
      const before = fingerprint(root);
      try {
        await using store = await openStore({ root, driver: null });
        await fsck(store, { deep: true, jobs: 1 });
      } catch (thrown) {
        assert.ok(thrown instanceof OvlError && thrown.code === "BAD_ROOT", String(thrown));
      }
      assert.equal(fingerprint(root), before);
      rmSync(root, { recursive: true });
    }
  });
});
