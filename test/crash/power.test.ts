/**
 * Power that goes: after a command has said that it is done, and before OVL_POWER_CUTS (2) of the steps of each, which
 * OVL_CRASH_SEED (1) chooses. What was done is on the disk to the last byte; what was not is as before or as after.
 */
import assert from "node:assert/strict";
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { listImages } from "../../src/store/images.js";
import { openStore } from "../../src/store/store.js";
import { StoredVerifier } from "../../src/store/verify-stored.js";
import { oracle } from "../support/oracles.js";
import { cutPower, makeDisk, mountDisk } from "../support/power.js";
import { runOk } from "../support/run.js";
import { scratch } from "../support/tmp.js";
import { type Case, checkRoot, killAt, makeCase, runToEnd } from "./kill.js";
import { prepareRoot, prepareSources, type Scenario, scenarios } from "./scenarios.js";
import { chosen, killAll } from "./steps.js";

const CUTS = Number(process.env["OVL_POWER_CUTS"] ?? 2);
const SEED = Number(process.env["OVL_CRASH_SEED"] ?? 1);

const skip = oracle("root", "dockerd", "loop", "losetup", "mkfs.ext4");
const work = scratch("power");
after(() => work[Symbol.dispose]());
const sources = prepareSources(work);
const pull: Scenario = { title: "pull into a new root", command: "pull", args: [sources.app] };
const all = [pull, ...scenarios(sources).filter(({ mounts }) => mounts === undefined)];

for (const [i, scenario] of all.entries()) {
  test(`what ${scenario.title} reported as done is on the disk when the power goes`, { skip }, async (t) => {
    const one = await makeCase(work, scenario, scenario === pull ? null : await preparedRoot());
    // After the last step, and before some.
    const steps = [...chosen(one.steps, CUTS, SEED + i), one.steps + 1];
    const asked = new Set(i % 4 === 0 ? steps.slice(-1) : []);
    await killAll(t, work, { steps, asked }, async (n, dir, judge) => {
      const outcome = await checkRoot(one, (root) => powerLoss(one, n, dir, root), dir, judge);
      if (n > one.steps) assert.equal(outcome, "after", "it had said that it was done");
      return outcome;
    });
  });
}

/** The command on a disk of its own, which loses its power before the n-th step; what is on it then is put in `to`. */
async function powerLoss(one: Case, n: number, dir: string, to: string): Promise<void> {
  const [disk, copy] = [join(dir, "disk"), join(dir, "copy")];
  copyFileSync(await emptyDisk(), disk);
  {
    await using mounted = await mountDisk(disk, join(dir, "mounted"));
    const root = join(mounted.path, "root");
    await one.put(root);
    await runOk("sync", ["-f", mounted.path]);
    if (n > one.steps) await runToEnd(one, root);
    else await killAt(one, n, root);
    await cutPower(disk, copy);
  }
  await using survived = await mountDisk(copy, join(dir, "survived"));
  const root = join(survived.path, "root");
  if (!existsSync(root)) return;
  // What is mended halfway need not verify.
  if (one.known.size === 0 || n > one.steps) await verifyAll(root);
  await runOk("rm", ["-rf", to]);
  await runOk("cp", ["-a", root, to]);
}

/** Every image byte for byte. */
async function verifyAll(root: string): Promise<void> {
  if (!existsSync(join(root, "image", "overlay2"))) return;
  await using store = await openStore({ root, driver: null });
  await using verifier = new StoredVerifier(store, { jobs: 1 });
  for (const { id } of listImages(store, { all: true }).images) {
    const { problems } = await verifier.verify(id);
    assert.deepEqual(problems, []);
  }
}

let disk: Promise<string> | null = null;
let prepared: Promise<string> | null = null;

function emptyDisk(): Promise<string> {
  const path = work.join("disk");
  disk ??= makeDisk(path).then(() => path);
  return disk;
}

function preparedRoot(): Promise<string> {
  const path = work.join("root");
  prepared ??= prepareRoot(path, sources).then(() => path);
  return prepared;
}
