/**
 * A small root changed at random, 2,000 times: a byte of a file, or a whole file or directory. fsck says what it says,
 * and neither fails, nor hangs, nor changes anything.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { checkRoot } from "../../src/audit/fsck.js";
import { fsck } from "../../src/audit/fsck-run.js";
import { OvlError } from "../../src/errors.js";
import { openStore } from "../../src/store/store.js";
import { copyRoot } from "../support/copy-root.js";
import { scratch } from "../support/tmp.js";
import { mutate, pathsIn, random, restore } from "./mutate.js";
import { buildRoot } from "./root.js";

const MUTATIONS = 2000;

/** Everything that a look may not change, times of access of files included. */
function fingerprint(root: string): string {
  const hash = createHash("sha256");
  for (const path of ["", ...pathsIn(root)]) {
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

describe("fsck of a root that was changed at random", () => {
  it(`answers ${MUTATIONS} times, and changes nothing`, async () => {
    using work = scratch("mutations", 0);
    const sound = work.join("sound");
    await buildRoot(sound);
    const pick = random(20_101_124);
    const candidates = pathsIn(sound);
    const root = copyRoot(sound, work.join("root"));
    let found = 0;
    for (let i = 0; i < MUTATIONS; i++) {
      const path = candidates[pick(candidates.length)] as string;
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
      restore(sound, root, path);
    }
    assert.ok(found > MUTATIONS / 2, `only ${found} of ${MUTATIONS} changes were found`);
  });

  it("answers with contents read, too", async () => {
    using work = scratch("mutations-deep", 0);
    const sound = work.join("sound");
    await buildRoot(sound);
    const pick = random(7);
    const candidates = pathsIn(sound);
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
