/** Layers that have each other's directories: every check of the metadata can be met with either; one rebuilds. */
import assert from "node:assert/strict";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fsck, fsckRepair } from "../../src/audit/fsck-run.js";
import { openStore } from "../../src/store/store.js";
import { copyRoot } from "../support/copy-root.js";
import { expectSound } from "../support/expect-sound.js";
import { oracle } from "../support/oracles.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { type DeepRoot, deepRoot } from "./deep-root.js";
import { examine, type FsckRoot, type LayerPaths } from "./root.js";

type Pair = (root: FsckRoot) => readonly [LayerPaths, LayerPaths];

const PAIRS: readonly (readonly [string, Pair])[] = [
  ["the base and the top", ({ base, top }) => [base, top]],
  ["a layer and the one below", ({ layer, below }) => [layer, below]],
  ["a layer and the top", ({ layer, top }) => [layer, top]],
];

describe("layers that have each other's directories", { skip: oracle("root", "setfattr") }, () => {
  let work: Scratch;
  let sound: DeepRoot;
  let copies = 0;
  before(async () => {
    work = scratch("swapped", 0);
    sound = await deepRoot(work);
  });
  after(() => work?.[Symbol.dispose]());

  async function expectMended(root: string): Promise<void> {
    await using store = await openStore({ root, driver: null });
    assert.ok(!(await fsck(store, { deep: false, jobs: 1 })).ok);
    const { report, failures } = await fsckRepair({ root, driver: null }, { deep: false, jobs: 1 });
    assert.deepEqual([report.ok, failures], [true, []], JSON.stringify(report.problems, null, 1));
    await using mended = await openStore({ root, driver: null });
    const { problems } = await fsck(mended, { deep: true, jobs: 1 });
    assert.deepEqual(problems, []);
    expectSound(root);
  }

  for (const [title, pair] of PAIRS) {
    it(`are found where the cache-ids of ${title} were swapped`, async () => {
      const root = await examine(copyRoot(sound.path, work.join(`copy-${copies++}`)));
      const files = pair(root).map(({ db }) => join(db, "cache-id")) as [string, string];
      const [one, other] = files.map((file) => readFileSync(file, "utf8")) as [string, string];
      writeFileSync(files[0], other);
      writeFileSync(files[1], one);
      await expectMended(root.path);
      assert.deepEqual(
        files.map((file) => readFileSync(file, "utf8")),
        [one, other],
      );
    });

    it(`are found where the directories of ${title} were swapped`, async () => {
      const root = await examine(copyRoot(sound.path, work.join(`copy-${copies++}`)));
      const [one, other] = pair(root);
      renameSync(one.dir, `${one.dir}.swap`);
      renameSync(other.dir, one.dir);
      renameSync(`${one.dir}.swap`, other.dir);
      await expectMended(root.path);
    });
  }

  it("are told from layers that have each other's lower", async () => {
    const root = await examine(copyRoot(sound.path, work.join(`copy-${copies++}`)));
    const files = [root.below, root.top].map(({ dir }) => join(dir, "lower")) as [string, string];
    const [one, other] = files.map((file) => readFileSync(file, "utf8")) as [string, string];
    writeFileSync(files[0], other);
    writeFileSync(files[1], one);
    await expectMended(root.path);
    assert.deepEqual(
      files.map((file) => readFileSync(file, "utf8")),
      [one, other],
    );
  });
});
