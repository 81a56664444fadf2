/** One command killed at one of its steps, and what has to hold then. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { checkRoot as findIn } from "../../src/audit/fsck.js";
import { FSCK_CODES, type FsckCode } from "../../src/audit/fsck-codes.js";
import { fsckRepair } from "../../src/audit/fsck-run.js";
import { mountTable } from "../../src/driver/mount-table.js";
import { OvlError } from "../../src/errors.js";
import { openStore } from "../../src/store/store.js";
import { expectSound } from "../support/expect-sound.js";
import { type RunResult, run } from "../support/run.js";
import { removeTree, type Scratch } from "../support/tmp.js";
import { between, type RootState, rootState, type Size, sizeOf } from "./root-state.js";
import type { Scenario } from "./scenarios.js";
import { WRITERS } from "./writers.js";

const COMMAND = fileURLToPath(new URL("command.js", import.meta.url));
const SWITCH = new URL("../support/kill-switch.js", import.meta.url).href;

/** A scenario, with what its command makes of the root where nobody kills it. */
export interface Case {
  readonly scenario: Scenario;
  /** Puts the root that the command finds in a place; where it finds none, nothing. */
  readonly put: (root: string) => Promise<void>;
  readonly before: RootState;
  readonly after: RootState;
  /** Of the root before and after, mended. */
  readonly sizes: { readonly before: Size; readonly after: Size };
  /** What fsck finds before, which the command need not mend. */
  readonly known: ReadonlySet<FsckCode>;
  /** How many steps the command has. */
  readonly steps: number;
}

/** `before`, `after`: so every image and container shows; `mixed`: some as before, the others as after. */
export type Outcome = "before" | "mixed" | "after";

/** @param root the root to copy, null for none */
export async function makeCase(work: Scratch, scenario: Scenario, root: string | null): Promise<Case> {
  const put = async (to: string) => {
    if (root !== null) copy(root, to);
    await scenario.prepare?.(to);
  };
  const [was, is] = [work.join("was"), work.join("is")];
  await put(was);
  await put(is);
  const before = await stateOf(scenario, was);
  const known = new Set(await findings(was));
  const done = await start(scenario, is, { OVL_STEPS: work.join("steps") });
  assert.equal(done.status, 0, done.stderr);
  const after = await stateOf(scenario, is);
  await (await openStore({ root: was, driver: null }, "write"))[Symbol.asyncDispose]();
  const sizes = { before: await cleanSize(was), after: await cleanSize(is) };
  removeRoot(was);
  removeRoot(is);
  return { scenario, put, before, after, sizes, known, steps: Number(readFileSync(work.join("steps"), "utf8")) };
}

/** Does the command on a root, in a process of its own. */
export async function runToEnd({ scenario }: Case, root: string): Promise<void> {
  const done = await start(scenario, root, {});
  assert.equal(done.status, 0, done.stderr);
}

/** Starts the command on a root and kills it before its n-th step. */
export async function killAt({ scenario }: Case, n: number, root: string): Promise<void> {
  const killed = await start(scenario, root, { OVL_KILL_AT: String(n) });
  assert.equal(killed.signal, "SIGKILL", `step ${n} was not reached: status ${killed.status} ${killed.stderr}`);
}

/** Starts Node with these arguments and kills it at a moment, if it is not done by then; null: never. */
export async function killLater(args: readonly string[], moment: Promise<unknown> | null): Promise<void> {
  const child = spawn(process.execPath, args, { stdio: "ignore" });
  const exited = once(child, "exit");
  await Promise.race(moment === null ? [exited] : [exited, moment]);
  child.kill("SIGKILL");
  await exited;
}

/**
 * Everything that was promised of a root on which a command was interrupted.
 * @param interrupt starts the command on a root and ends it, or leaves such a root in its place
 * @param dir for the roots that this takes; @param judge is shown a copy of the root as the kill left it
 */
export async function checkRoot(
  { scenario, put, before, after, sizes, known }: Case,
  interrupt: (root: string) => Promise<void>,
  dir: string,
  judge?: (root: string, found: RootState) => Promise<void>,
): Promise<Outcome> {
  const [root, other] = [join(dir, "root"), join(dir, "other")];
  await put(root);
  await interrupt(root);

  const found = await stateOf(scenario, root);
  assert.deepEqual(
    between(before, found, after, scenario.takesNames ?? false),
    [],
    "what is neither as before nor as after",
  );
  const unexpected = (await findings(root)).filter((code) => !known.has(code) && !isLeftover(code, scenario));
  assert.deepEqual(unexpected, [], "what fsck finds beside leftovers");
  if (judge !== undefined) {
    copy(root, other);
    await judge(other, found);
    removeRoot(other);
  }

  const [isBefore, isAfter] = [isSame(found, before), isSame(found, after)];
  if (existsSync(root) && scenario.mounts === undefined && scenario.files === undefined) {
    copy(root, other);
    const size = await cleanSize(other);
    if (isAfter) assert.deepEqual(size, sizes.after, "what is left of a command that was as good as done");
    else if (isBefore && before.size > 0) assert.deepEqual(size, sizes.before, "what is left of a command undone");
    else if (isBefore) assert.ok(size.entries <= sizes.before.entries, "what is left of a root that was not there");
    removeRoot(other);
  }

  await again(scenario, root, isAfter || !isBefore);
  assert.deepEqual(await stateOf(scenario, root), after, "what the command leaves when it is done again");
  assert.deepEqual(await cleanSize(root), sizes.after, "what is left when the command is done again");
  removeRoot(root);
  return isAfter ? "after" : isBefore ? "before" : "mixed";
}

function start({ command, args }: Scenario, root: string, env: Readonly<Record<string, string>>): Promise<RunResult> {
  return run(process.execPath, ["--import", SWITCH, COMMAND, root, JSON.stringify([command, ...args])], { env });
}

/** A command that was as good as done may say that there is nothing left for it to do. */
async function again({ command, args, again }: Scenario, root: string, isDone: boolean): Promise<void> {
  try {
    await WRITERS[command](root, ...args);
  } catch (thrown) {
    if (!(thrown instanceof OvlError) || !isDone || thrown.code !== again) throw thrown;
  }
}

function stateOf({ files }: Scenario, root: string): Promise<RootState> {
  return rootState(root, files);
}

function isSame(a: RootState, b: RootState): boolean {
  return isDeepStrictEqual(a, b);
}

async function findings(root: string): Promise<FsckCode[]> {
  if (!existsSync(root)) return [];
  await using store = await openStore({ root, driver: null });
  return findIn(store).findings.map(({ code }) => code);
}

function isLeftover(code: FsckCode, { mounts }: Scenario): boolean {
  return FSCK_CODES[code].severity === "reclaimable" || (mounts === true && code === "MERGED_MOUNTED");
}

/** What `fsck --repair` leaves, which is a sound root. */
async function cleanSize(root: string): Promise<Size> {
  unmountBelow(root);
  if ((await findings(root)).length > 0) {
    const { report, failures } = await fsckRepair({ root, driver: null }, { deep: false, jobs: 1 });
    assert.deepEqual(failures, []);
    assert.ok(report.ok, JSON.stringify(report.problems.filter(({ repaired }) => !repaired)));
  }
  // A root that was interrupted in the making has not everything that a root has.
  if (existsSync(join(root, "image", "overlay2", "repositories.json"))) expectSound(root);
  return sizeOf(root);
}

function copy(from: string, to: string): void {
  if (!existsSync(from)) return;
  const { status, stderr } = spawnSync("cp", ["-a", from, to]);
  assert.equal(status, 0, String(stderr));
}

function removeRoot(root: string): void {
  unmountBelow(root);
  removeTree(root);
}

function unmountBelow(root: string): void {
  for (const { point } of mountTable()) {
    if (point.startsWith(`${root}/`)) assert.equal(spawnSync("umount", ["-l", point]).status, 0, `umount ${point}`);
  }
}
