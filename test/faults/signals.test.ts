/**
 * A signal at a call that changes the root, wherever that is in a command: the command ends with the status of the
 * signal and the root is as before, or it had got past the last moment to stop and the work is done. OVL_FAULTS=all
 * tries every call.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { asOvlError } from "../../src/errors.js";
import { oracle } from "../support/oracles.js";
import { ovl } from "../support/ovl.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { CASES, ovlHere } from "./commands.js";
import { buildFault, CHANGES, SYNCS, TAKES_SPACE } from "./fault.js";
import { World } from "./world.js";

/** Numbers of Linux, and what commands exit with. */
const SIGNALS = [
  ["SIGINT", 2, 130],
  ["SIGTERM", 15, 143],
  ["SIGHUP", 1, 143],
] as const;

/** How many calls are passed over between two tries; primes, so that different kinds of calls are met. */
const STEPS: Readonly<Record<string, number>> = {
  "pull compressed": 11,
  import: 23,
  commit: 23,
  create: 31,
  tag: 7,
  "cp in": 11,
  "save oci": 7,
  export: 2,
  rm: 17,
  rmi: 13,
  prune: 11,
};

/** Mode of fault.c: not a failure but a signal to the process. */
const SIGNAL_MODE = 2;
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const WITH_PROGRESS = ["pull", "import", "commit", "save"];

describe("a signal", { skip: oracle("root", "tcc", "getfattr") }, () => {
  let work: Scratch;
  let world: World;
  before(async () => {
    work = scratch("signal", 0);
    buildFault(work.join("fault.so"));
    world = await World.make();
  });
  after(() => {
    world?.[Symbol.dispose]();
    work?.[Symbol.dispose]();
  });

  for (const [title, step] of Object.entries(STEPS)) {
    it(`in the midst of ${title} leaves the root as it was, or the work done`, async (context) => {
      const one = CASES.find((known) => known.title === title) ?? assert.fail(title);
      const argv = one.argv(world.root, world.inputs, world.out);
      const bars = WITH_PROGRESS.includes(argv[0] as string) ? ["--progress", "tty"] : [];
      world.restore();
      const untouched = world.facts();
      let stopped = 0;
      let done = 0;
      for (let call = 1, tries = 0; ; call += process.env["OVL_FAULTS"] === "all" ? 1 : step, tries++) {
        const [name, number, exit] = SIGNALS[tries % SIGNALS.length] ?? assert.fail();
        const result = await ovl([...argv, ...bars], {
          env: {
            LD_PRELOAD: work.join("fault.so"),
            OVL_FAULT: `${world.disk}:${TAKES_SPACE | CHANGES | SYNCS}:${number}:${call}:${SIGNAL_MODE}`,
            TMPDIR: world.out,
          },
        });
        const where = `${name} at call ${call}: ${result.stderr}`;
        assert.equal(result.signal, null, where);
        assert.ok(result.status === 0 || result.status === exit, `status ${result.status}, ${where}`);
        assert.ok(
          result.stderr.lastIndexOf(HIDE_CURSOR) <= result.stderr.lastIndexOf(SHOW_CURSOR),
          `the cursor stays hidden, ${where}`,
        );
        if (result.status === exit) {
          stopped++;
          if (one.leaves === undefined) assert.deepEqual(world.facts(), untouched, where);
          await runAgain(argv);
        } else done++;
        await ovlHere(["fsck", "-q", "--root", world.root]);
        world.restore();
        if (result.status === 0 && !result.stderr.includes("fault: hit")) break;
      }
      context.diagnostic(`${stopped} stopped, ${done} done`);
    });
  }
});

/** What a stopped command did not do can be done; one that removes may have got to its end. */
async function runAgain(argv: readonly string[]): Promise<void> {
  try {
    await ovlHere(argv);
  } catch (thrown) {
    if (asOvlError(thrown).code !== "NOT_FOUND") throw thrown;
  }
}
