/** Each inconsistency alone, mended: what can be mended is, a second look finds nothing, and nobody's data is gone. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { checkRoot } from "../../src/audit/fsck.js";
import type { FsckReport } from "../../src/audit/fsck-report.js";
import { fsck, fsckRepair } from "../../src/audit/fsck-run.js";
import { doStep } from "../../src/audit/repair-steps.js";
import { LayerPipeline } from "../../src/layer/pipeline.js";
import { openStore } from "../../src/store/store.js";
import { copyRoot } from "../support/copy-root.js";
import { expectSound } from "../support/expect-sound.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { FAULTS } from "./faults.js";
import { buildRoot, examine } from "./root.js";

const SHALLOW = { deep: false, jobs: 1 };

let work: Scratch;
let sound: string;
before(async () => {
  work = scratch("repair", 0);
  sound = work.join("sound");
  await buildRoot(sound);
});
after(() => work[Symbol.dispose]());

let copies = 0;
function copy(): string {
  return copyRoot(sound, work.join(`copy-${copies++}`));
}

async function look(root: string): Promise<FsckReport> {
  await using store = await openStore({ root, driver: null });
  return await fsck(store, SHALLOW);
}

describe("fsck --repair", () => {
  it("changes nothing where nothing is wrong", async () => {
    const root = copy();
    const { report, failures } = await fsckRepair({ root, driver: null }, SHALLOW);
    assert.deepEqual([report.ok, report.problems, failures], [true, [], []]);
    assert.equal(existsSync(join(root, "ovl-lost+found")), false);
  });

  for (const { class: id, title, code, inject, repair } of FAULTS) {
    it(`${repair === "mended" ? "mends" : "leaves"} ${title} (${id})`, async () => {
      const root = copy();
      const paths = await examine(root);
      inject(paths);
      const before = await look(root);
      const { report, failures } = await fsckRepair({ root, driver: null }, SHALLOW);
      const after = await look(root);
      const text = JSON.stringify([report, failures], null, 1);
      if (repair !== "mended") {
        assert.deepEqual(after.problems, before.problems, text);
        assert.equal(report.problems[0]?.repaired, false);
        return;
      }
      assert.deepEqual(after.problems, [], text);
      assert.deepEqual([report.ok, report.problems[0]?.code, report.problems[0]?.repaired], [true, code, true], text);
      assert.notEqual(report.problems[0]?.repair, null);
      // Whoever wrote something in the container finds it, if only among what was lost.
      const written = readdirSync(root, { recursive: true, encoding: "utf8" }).find((name) =>
        name.endsWith("/written"),
      );
      assert.equal(readFileSync(join(root, written ?? "nowhere"), "utf8"), "by the container");
      if (title.startsWith("a stray")) assert.ok(existsSync(join(root, "ovl-lost+found")));
      expectSound(root);
    });
  }

  it("can be stopped after any step, and run again", async () => {
    for (const { title, inject } of FAULTS.filter(({ repair }) => repair === "mended")) {
      const planned = copy();
      inject(await examine(planned));
      const steps = (await stepsOf(planned)).length;
      for (let done = 1; done < steps; done++) {
        const root = copy();
        inject(await examine(root));
        await using store = await openStore({ root, driver: null });
        await using pipeline = new LayerPipeline({ jobs: 1 });
        for (const step of (await stepsOf(root)).slice(0, done)) await doStep(store, pipeline, step);
        const { report } = await fsckRepair({ root, driver: null }, SHALLOW);
        assert.ok(report.ok, `${title}, after ${done} of ${steps} steps: ${JSON.stringify(report.problems)}`);
        expectSound(root);
      }
    }
  });
});

async function stepsOf(root: string) {
  await using store = await openStore({ root, driver: null });
  return checkRoot(store).findings.flatMap(({ steps }) => steps);
}
