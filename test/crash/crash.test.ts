/**
 * kill -9 while ovl writes. A pull into a root that is not there is killed before every one of its steps; the other
 * writing commands together OVL_CRASH_KILLS times (100), before steps that OVL_CRASH_SEED (1) chooses; and the command
 * line itself at moments that nobody chooses. What has to hold then is in kill.ts. dockerd looks at one root of each
 * command.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { oracle } from "../support/oracles.js";
import { repoPath } from "../support/repo.js";
import { scratch } from "../support/tmp.js";
import { checkRoot, killAt, killLater, makeCase } from "./kill.js";
import { prepareRoot, prepareSources, type Scenario, scenarios } from "./scenarios.js";
import { chosen, killAll } from "./steps.js";

const KILLS = Number(process.env["OVL_CRASH_KILLS"] ?? 100);
const SEED = Number(process.env["OVL_CRASH_SEED"] ?? 1);
/** Kills of the command line, at moments spread over the time that it takes. */
const MOMENTS = 10;

const skip = oracle("root", "dockerd");
const work = scratch("crash");
after(() => work[Symbol.dispose]());
const sources = prepareSources(work);
const others = scenarios(sources);
const pull: Scenario = { title: "pull", command: "pull", args: [sources.app] };

test("a pull leaves a root as before or as after, whichever of its steps it is killed before", { skip }, async (t) => {
  const one = await makeCase(work, pull, null);
  const steps = Array.from({ length: one.steps }, (_, i) => i + 1);
  const asked = new Set([1, Math.floor(one.steps / 2), one.steps]);
  await killAll(t, work, { steps, asked }, (n, dir, judge) =>
    checkRoot(one, (root) => killAt(one, n, root), dir, judge),
  );
  assert.ok(one.steps >= 100, "a step is a system call, not a phase");
});

for (const [i, scenario] of others.entries()) {
  test(`${scenario.title} leaves every image and container as before or as after when it is killed`, {
    skip,
  }, async (t) => {
    const one = await makeCase(work, scenario, await preparedRoot());
    const steps = chosen(one.steps, Math.ceil(KILLS / others.length), SEED + i);
    // In the last third most commands have begun to show.
    const asked = new Set(scenario.mounts ? [] : steps.slice(Math.floor((steps.length * 2) / 3)).slice(0, 1));
    await killAll(t, work, { steps, asked }, (n, dir, judge) =>
      checkRoot(one, (root) => killAt(one, n, root), dir, judge),
    );
  });
}

test("the command line leaves a root as before or as after, whenever it is killed in a pull", { skip }, async (t) => {
  const one = await makeCase(work, pull, null);
  const command = (path: string) => [repoPath("bin/run.js"), "pull", sources.app, "--root", path];
  const began = performance.now();
  await killLater(command(work.join("timed")), null);
  const time = performance.now() - began;
  const steps = Array.from({ length: MOMENTS }, (_, i) => i + 1);
  await killAll(t, work, { steps, asked: new Set() }, (n, dir) => {
    // Half of the time goes by before anything is written.
    const moment = time * (0.4 + (0.6 * n) / MOMENTS);
    return checkRoot(one, (path) => killLater(command(path), sleep(moment)), dir);
  });
});

let prepared: Promise<string> | null = null;

/** The root that the commands find, made for the first of them. */
function preparedRoot(): Promise<string> {
  const path = work.join("root");
  prepared ??= prepareRoot(path, sources).then(() => path);
  return prepared;
}
