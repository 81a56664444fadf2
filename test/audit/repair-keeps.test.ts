/**
 * Whatever one change has done to a root, a repair loses no file of any layer and none that a container has written.
 */
import assert from "node:assert/strict";
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fsckRepair } from "../../src/audit/fsck-run.js";
import { OvlError } from "../../src/errors.js";
import { copyRoot } from "../support/copy-root.js";
import { oracle } from "../support/oracles.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { damageRoot } from "./damage-root.js";
import { mutate, pathsIn, random } from "./mutate.js";

const MUTATIONS = Number(process.env["OVL_MUTATIONS"] ?? 1000) / 8;

/** By inode, so that what was moved aside counts. Init layers are made again with every start. */
function files(root: string): Map<bigint, string> {
  const found = new Map<bigint, string>();
  for (const path of pathsIn(root)) {
    if (!/\/diff\//.test(path) || /-init\//.test(path)) continue;
    const stat = lstatSync(join(root, path), { bigint: true });
    if (stat.isFile()) found.set(stat.ino, path);
  }
  return found;
}

describe("fsck --repair of a root that was changed at random", { skip: oracle("root") }, () => {
  let work: Scratch;
  let sound: string;
  before(async () => {
    work = scratch("repair-keeps", 0);
    sound = work.join("sound");
    await damageRoot(sound, work);
  });
  after(() => work?.[Symbol.dispose]());

  it("keeps every file of a layer and of a container", async () => {
    const pick = random(23_112_026);
    const candidates = pathsIn(sound);
    const layout = candidates.filter((path) => !/[0-9a-f]{64}|\/l\//.test(path));
    const bad: string[] = [];
    for (let i = 0; i < MUTATIONS; i++) {
      // First each part of the layout, in several ways: what is lost there is lost for all.
      const path = layout[Math.floor(i / 5)] ?? (candidates[pick(candidates.length)] as string);
      const root = copyRoot(sound, work.join("root"));
      const what = `${path}: ${mutate(root, path, pick)} (change ${i})`;
      const before = files(root);
      try {
        await fsckRepair({ root, driver: null }, { deep: i % 4 === 0, jobs: 1 });
      } catch (thrown) {
        assert.ok(thrown instanceof OvlError && thrown.code === "BAD_ROOT", `${what}: ${String(thrown)}`);
      }
      const after = files(root);
      const lost = [...before].flatMap(([inode, name]) => (after.has(inode) ? [] : [name]));
      if (lost.length > 0) bad.push(`${what} lost ${lost.length} ${lost[0]}`);
      rmSync(root, { recursive: true });
    }
    assert.deepEqual(bad, []);
  });
});

describe("fsck --repair", { skip: oracle("root") }, () => {
  it("sets nothing aside through a symlink", async () => {
    using work = scratch("repair-keeps", 0);
    const root = work.join("root");
    await damageRoot(root, work);
    const outside = work.dir("outside");
    mkdirSync(join(root, "ovl-lost+found"));
    symlinkSync(outside, join(root, "ovl-lost+found", "containers"));
    writeFileSync(join(root, "containers", "stray"), "x");
    await fsckRepair({ root, driver: null }, { deep: false, jobs: 1 }).catch((thrown: unknown) => {
      assert.ok(thrown instanceof OvlError && thrown.code === "BAD_ROOT", String(thrown));
    });
    assert.deepEqual(readdirSync(outside), []);
    assert.equal(readFileSync(join(root, "containers", "stray"), "utf8"), "x");
  });
});
