/** `fsck --deep` on a pulled root: nothing wrong with it; then each tampering alone, found as what it is. */
import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fsck, fsckRepair } from "../../src/audit/fsck-run.js";
import { openSource } from "../../src/source/open-source.js";
import { openStore } from "../../src/store/store.js";
import { copyRoot } from "../support/copy-root.js";
import { expectSound } from "../support/expect-sound.js";
import { oracle } from "../support/oracles.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { DEEP_FAULTS } from "./deep-faults.js";
import { type DeepRoot, deepRoot } from "./deep-root.js";
import { DIRECTORY_FAULTS, FAULTS } from "./faults.js";
import { examine } from "./root.js";

// Devices and trusted attributes are root's to make.
const skip = oracle("root", "setfattr");

describe("fsck --deep", { skip }, () => {
  let work: Scratch;
  let sound: DeepRoot;
  let copies = 0;
  before(async () => {
    work = scratch("deep", 0);
    sound = await deepRoot(work);
  });
  after(() => work[Symbol.dispose]());

  const copy = () => copyRoot(sound.path, work.join(`copy-${copies++}`));
  const look = async (root: string, deep = true) => {
    await using store = await openStore({ root, driver: null });
    return await fsck(store, { deep, jobs: 2 });
  };
  const mend = (root: string) => fsckRepair({ root, driver: null }, { deep: true, jobs: 2 });

  it("is what finds them: metadata alone shows nothing", async () => {
    const root = copy();
    const paths = await examine(root);
    // Those in a directory's place or time would meet in one root.
    for (const { inject, title } of DEEP_FAULTS.filter((one) => one.code === "MODE_CHANGED")) {
      assert.doesNotThrow(() => inject(paths), title);
    }
    assert.deepEqual((await look(root, false)).problems, []);
  });

  it("finds nothing wrong with what was pulled, and counts what it read", async () => {
    const report = await look(sound.path);
    assert.deepEqual(report.problems, []);
    assert.ok(report.checked.files > 40);
  });

  for (const { class: id, title, code, inject, repair } of DEEP_FAULTS) {
    it(`finds ${title} (${id}) as ${code}, and nothing else`, async () => {
      const root = copy();
      inject(await examine(root));
      const { problems } = await look(root);
      assert.deepEqual(
        problems.map((one) => one.code),
        [code],
        problems.map(({ message }) => message).join("\n"),
      );
      const { report, failures } = await mend(root);
      assert.deepEqual(failures, []);
      assert.equal(report.ok, repair === "mended");
    });
  }

  it("tells of more than a call takes arguments", async () => {
    const root = copy();
    const { layers } = await examine(root);
    const added = 150_000;
    const diff = join(root, "overlay2", layers[0]?.cacheId as string, "diff");
    for (let i = 0; i < added; i++) symlinkSync("x", join(diff, `added-${i}`));
    const { problems } = await look(root);
    assert.equal(problems.filter(({ code }) => code === "FILE_ADDED").length, added);
  });

  const restored = [...FAULTS, ...DEEP_FAULTS].filter(({ repair }) => repair === "restored");
  for (const { class: id, title, code, inject } of restored) {
    it(`restores ${title} (${id}) from the archive, under the same cache-id`, async () => {
      const root = copy();
      const paths = await examine(root);
      inject(paths);
      const { source } = await openSource(sound.archive);
      await using from = source;
      const images = await from.images({ name: null, platform: null });
      const { report, failures } = await fsckRepair({ root, driver: null }, { deep: true, jobs: 2, images });
      assert.deepEqual(failures, []);
      assert.ok(report.ok, JSON.stringify(report, null, 1));
      assert.deepEqual([report.problems[0]?.code, report.problems[0]?.repaired], [code, true]);
      assert.deepEqual(
        (await examine(root)).layers.map(({ cacheId }) => cacheId),
        paths.layers.map(({ cacheId }) => cacheId),
      );
      expectSound(root);
    });
  }

  for (const { class: id, title, code, inject } of DIRECTORY_FAULTS) {
    it(`mends ${title} (${id}) by rebuilding the layer`, async () => {
      const root = copy();
      inject(await examine(root));
      const { report, failures } = await mend(root);
      assert.deepEqual(failures, []);
      assert.deepEqual(
        report.problems.map((one) => [one.code, one.repaired]),
        [[code, true]],
      );
      assert.equal(report.ok, true);
    });
  }
});
