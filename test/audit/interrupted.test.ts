/** A repair that ends in the middle, after any of its writes: a second one does the rest, as if nothing had been. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fsckRepair } from "../../src/audit/fsck-run.js";
import { openSource } from "../../src/source/open-source.js";
import { copyRoot } from "../support/copy-root.js";
import { expectSound } from "../support/expect-sound.js";
import { oracle } from "../support/oracles.js";
import { removeTree, type Scratch, scratch } from "../support/tmp.js";
import { readTree } from "../support/tree.js";
import { DEEP_FAULTS } from "./deep-faults.js";
import { type DeepRoot, deepRoot } from "./deep-root.js";
import { DIRECTORY_FAULTS, FAULTS } from "./faults.js";
import { examine } from "./root.js";
import { stopAfter } from "./stop-writes.js";

/** Every so many of the faults, each stopped at so many places. A night has time for all. */
const ALL = process.env["OVL_INTERRUPT_ALL"] === "1";
const EVERY = ALL ? 1 : 8;
const PLACES = ALL ? Number.POSITIVE_INFINITY : 4;

/** Without contents, an empty directory passes for the layer that is to be in it. */
const DIRECTORIES = ["LAYER_DIR_MISSING", "INIT_DIR_MISSING", "DIFF_MISSING"];

const mendable = [...FAULTS, ...DIRECTORY_FAULTS, ...DEEP_FAULTS].filter(({ repair }) => repair !== "stays");

/** Names and contents, but for what is chosen at random and what was set aside on the way. */
function result(root: string): string[] {
  return [...readTree(root)].flatMap(([path, { mtimeNs, hardLinks, ...node }]) =>
    path.startsWith("ovl-lost+found") ? [] : [`${path} ${JSON.stringify(node, text)}`],
  );
}

function text(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

describe("a repair that was interrupted", { skip: oracle("root", "setfattr") }, () => {
  let work: Scratch;
  let sound: DeepRoot;
  let copies = 0;
  before(async () => {
    work = scratch("interrupted", 0);
    sound = await deepRoot(work);
  });
  after(() => work?.[Symbol.dispose]());

  async function mend(root: string, deep: boolean) {
    const { source } = await openSource(sound.archive);
    await using from = source;
    const images = await from.images({ name: null, platform: null });
    return await fsckRepair({ root, driver: null }, { deep, jobs: 1, images });
  }

  async function interrupt(inject: (typeof FAULTS)[number]["inject"], deep: boolean) {
    const damaged = copyRoot(sound.path, work.join(`damaged-${copies++}`));
    inject(await examine(damaged));
    const whole = copyRoot(damaged, work.join(`whole-${copies++}`));
    const writes = await stopAfter(Number.POSITIVE_INFINITY, async () => {
      const { report } = await mend(whole, deep);
      assert.ok(report.ok, JSON.stringify(report.problems));
    });
    const expected = result(whole);
    const step = Math.max(1, Math.floor(writes / PLACES));
    for (let at = 0; at < writes; at += step) {
      const root = copyRoot(damaged, work.join(`root-${copies++}`));
      await stopAfter(at, () => mend(root, deep));
      const { report, failures } = await mend(root, deep);
      const what = `after ${at} of ${writes} writes: ${JSON.stringify([report.problems, failures])}`;
      assert.deepEqual([report.ok, failures], [true, []], what);
      assert.deepEqual(result(root), expected, what);
      expectSound(root);
      removeTree(root);
    }
    for (const root of [damaged, whole]) removeTree(root);
  }

  mendable
    .filter((_, i) => i % EVERY === 0)
    .forEach(({ class: id, title, inject }) => {
      it(`mends ${title} (${id}) the next time`, () => interrupt(inject, true));
    });

  mendable
    .filter(({ code }) => DIRECTORIES.includes(code))
    .forEach(({ class: id, title, inject }) => {
      it(`mends ${title} (${id}) the next time without looking into layers`, () => interrupt(inject, false));
    });
});
