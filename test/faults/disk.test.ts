/**
 * Every writing command on a disk that is full or fails, at every point where it can: afterwards the code of the
 * contract, nothing that was not there before, all of the space given back, and a command that works when the disk
 * does. By default every n-th call fails, in OVL_FAULTS=all each of them.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { oracle } from "../support/oracles.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { buildFault, CHANGES, READS, SYNCS, TAKES_SPACE } from "./fault.js";
import type { Sweep, SweepResult } from "./sweep.js";

const PROGRAM = fileURLToPath(new URL("sweep.js", import.meta.url));
const ALL = process.env["OVL_FAULTS"] === "all";
const [EIO, EMFILE, ENOSPC, EROFS, EDQUOT] = [5, 24, 28, 30, 122];

/** Layers are made in threads, which take a tenth of a second to start. */
const OF_LAYERS = [...(ALL ? ["pull docker-archive", "import"] : []), "pull compressed", "pull oci", "commit"];
const OF_ARCHIVES = ["save docker-archive", "save oci"];
const OTHERS = ["create", "tag", "cp in", "cp over", "export", "rootfs", "rm", "rmi name", "rmi", "prune"];
const WRITE = TAKES_SPACE | CHANGES | SYNCS;

type Plan = Omit<Sweep, "titles" | "step"> & { readonly steps: readonly [layers: number, others: number] };

/** The steps are prime, so that different kinds of calls are met. */
const PLANS: Readonly<Record<string, Plan>> = {
  "has no bytes left": { fault: { kind: "pages" }, steps: [4, 2], codes: ["NO_SPACE"] },
  "has no inodes left": { fault: { kind: "inodes" }, steps: [7, 3], codes: ["NO_SPACE"] },
  "is full from one call on": {
    fault: { kind: "call", classes: TAKES_SPACE, errno: ENOSPC, mode: "on", cleans: true },
    steps: [13, 3],
    codes: ["NO_SPACE"],
  },
  "has a quota that one call exceeds": {
    fault: { kind: "call", classes: TAKES_SPACE | SYNCS, errno: EDQUOT, mode: "once" },
    steps: [17, 5],
    codes: ["NO_SPACE"],
  },
  "fails in one call": {
    fault: { kind: "call", classes: WRITE, errno: EIO, mode: "once" },
    steps: [17, 5],
    codes: ["IO"],
  },
  "fails from one call on": {
    fault: { kind: "call", classes: WRITE, errno: EIO, mode: "on", cleans: false },
    steps: [29, 7],
    codes: ["IO"],
  },
  "is read-only from one call on": {
    fault: { kind: "call", classes: TAKES_SPACE | CHANGES, errno: EROFS, mode: "on", cleans: false },
    steps: [29, 7],
    codes: ["PERMISSION"],
  },
  "can be read but for one call": {
    fault: { kind: "call", classes: READS, errno: EIO, mode: "once" },
    steps: [23, 0],
    // Where metadata cannot be read, a root is damaged, as far as anybody can tell.
    codes: ["IO", "BAD_ROOT", "BAD_TAR", "NOT_FOUND"],
  },
  "cannot be opened any more, for want of descriptors": {
    fault: { kind: "call", classes: TAKES_SPACE | READS, errno: EMFILE, mode: "on", cleans: false },
    steps: [41, 23],
    codes: ["IO"],
  },
};

describe("a disk that", { skip: oracle("root", "tcc", "getfattr") }, () => {
  let work: Scratch;
  before(() => {
    work = scratch("fault", 0);
    buildFault(work.join("fault.so"));
  });
  after(() => work?.[Symbol.dispose]());

  for (const [title, { steps, ...plan }] of Object.entries(PLANS)) {
    it(title, async (context) => {
      const results: SweepResult[] = [];
      for (const [titles, step] of [
        [OF_LAYERS, steps[0]],
        [OF_ARCHIVES, steps[0]],
        [OTHERS, steps[1]],
      ] as const) {
        if (step > 0) results.push(...(await sweep(work, { ...plan, titles, step: ALL ? 1 : step })));
      }
      const problems = results.flatMap(({ title, problems }) => problems.map((problem) => `${title}: ${problem}`));
      assert.deepEqual(problems, []);
      const failures = results.reduce((sum, result) => sum + result.failures, 0);
      assert.ok(failures > results.length, "commands did fail");
      context.diagnostic(`${failures} failures of ${results.length} commands`);
    });
  }
});

async function sweep(work: Scratch, plan: Sweep): Promise<SweepResult[]> {
  const program = spawn(process.execPath, [PROGRAM, JSON.stringify(plan)], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    env: { ...process.env, OVL_ROOT: "", ...(plan.fault.kind === "call" ? { LD_PRELOAD: work.join("fault.so") } : {}) },
  });
  const [status, errors, lines] = await Promise.all([
    once(program, "close"),
    text(program.stderr as Readable),
    text(program.stdio[3] as Readable),
  ]);
  assert.equal(status[0], 0, errors);
  const results = lines.split("\n").filter(Boolean);
  assert.equal(results.length, plan.titles.length);
  return results.map((line) => JSON.parse(line) as SweepResult);
}
