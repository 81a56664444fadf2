/**
 * `node sweep.js SWEEP`: lets commands fail at every point that there is, and looks after each time at what they left.
 * A program of its own, since a fault can only be preloaded. Prints a result a line, in JSON, on file descriptor 3.
 */
import { readdirSync, writeSync } from "node:fs";
import { checkRoot } from "../../src/audit/fsck.js";
import { withFileSystem } from "../../src/cli/full-disk.js";
import { asOvlError, type OvlError } from "../../src/errors.js";
import { openStore } from "../../src/store/store.js";
import { CASES, type Case, ovlHere } from "./commands.js";
import { type CallFault, loadFault } from "./fault.js";
import { World } from "./world.js";

export interface Sweep {
  /** Of `CASES`. */
  readonly titles: readonly string[];
  /** A disk that is really full: of bytes, of inodes; or calls that are made to fail. */
  readonly fault: { readonly kind: "pages" | "inodes" } | ({ readonly kind: "call" } & CallFault);
  /** Every how many points: 1 for all of them. */
  readonly step: number;
  /** The codes that a failure may have. */
  readonly codes: readonly string[];
}

export interface SweepResult {
  readonly title: string;
  /** How often the command was run, and how often it failed. */
  readonly runs: number;
  readonly failures: number;
  readonly ms: number;
  readonly problems: readonly string[];
}

/** No command here makes so many calls. */
const MAX_POINTS = 2000;

const { titles, fault, step, codes } = JSON.parse(process.argv[2] ?? "{}") as Sweep;
const preloaded = fault.kind === "call" ? loadFault() : null;
using world = await World.make();
class Sweeping {
  readonly #case: Case;
  readonly #argv: readonly string[];
  readonly #problems: string[] = [];
  /** Where the command was made to fail, for messages. */
  #point = "";

  constructor(one: Case) {
    this.#case = one;
    this.#argv = one.argv(world.root, world.inputs, world.out);
  }

  async run(): Promise<Omit<SweepResult, "title">> {
    const start = performance.now();
    let runs = 0;
    let failures = 0;
    world.restore();
    const before = world.facts();
    const complete = this.#case.leaves === "whole" ? await this.#complete() : null;
    for (let at = 1; at < MAX_POINTS; at += step) {
      world.leave(fault.kind, at - 1);
      const free = world.free();
      const files = openFiles();
      const { error, isPast } = await this.#fail(at);
      runs++;
      const left = openFiles();
      if (left > files) this.#say(`${left - files} files left open`);
      if (error === null) await this.#expectSound("after success");
      else {
        failures++;
        this.#judge(error);
        const now = world.free();
        world.makeRoom();
        if (this.#leavesNothing()) {
          if (complete === null || !isSame(world.facts(), complete)) {
            this.#compare(before);
            if (now.pages !== free.pages || now.inodes !== free.inodes) this.#say("not all of the disk was given back");
          }
          await this.#expectSound(`after ${error.message}`);
        }
        await this.#runAgain();
      }
      world.restore();
      if (isPast) break;
    }
    return { runs, failures, ms: Math.round(performance.now() - start), problems: this.#problems };
  }

  async #complete(): Promise<ReadonlyMap<string, string>> {
    await ovlHere(this.#argv);
    const facts = world.facts();
    world.restore();
    return facts;
  }

  async #fail(at: number): Promise<{ readonly error: OvlError | null; readonly isPast: boolean }> {
    if (preloaded === null || fault.kind !== "call") {
      this.#point = `${at - 1} ${fault.kind}`;
      const error = await this.#outcome();
      return { error, isPast: error === null };
    }
    preloaded.arm(world.disk, fault, at);
    const error = await this.#outcome();
    const { calls, first } = preloaded.disarm();
    this.#point = `call ${at}, ${first}`;
    return { error, isPast: calls < at };
  }

  async #outcome(): Promise<OvlError | null> {
    try {
      await ovlHere(this.#argv);
      return null;
    } catch (thrown) {
      return asOvlError(thrown);
    }
  }

  #judge(error: OvlError): void {
    if (!codes.includes(error.code)) this.#say(`${error.code} instead of ${codes}: ${error.message}`);
    if (error.code !== "NO_SPACE") return;
    const { message, fields } = withFileSystem(error);
    if (fields["mountPoint"] !== world.disk) this.#say(`does not say where: ${message}`);
  }

  /** A disk that fails for good can not be cleaned either. */
  #leavesNothing(): boolean {
    if (this.#case.leaves === "part" || this.#case.leaves === "less") return false;
    return !(fault.kind === "call" && fault.mode === "on" && fault.cleans === false);
  }

  #compare(before: ReadonlyMap<string, string>): void {
    const now = world.facts();
    const changed = [...new Set([...before.keys(), ...now.keys()])].filter(
      (path) => before.get(path) !== now.get(path),
    );
    if (changed.length > 0) this.#say(`changed ${changed.slice(0, 8).join(", ")}`);
  }

  /** The disk works again, and so does the command; one that removes may have got to its end before. */
  async #runAgain(): Promise<void> {
    const error = await this.#outcome();
    const isDone = this.#case.leaves === "less" && error?.code === "NOT_FOUND";
    if (error !== null && !isDone) this.#say(`run again: ${error.message}`);
    const isLeft = fault.kind === "call" && fault.cleans === false;
    if (isLeft || this.#case.leaves === "less") await ovlHere(["fsck", "--repair", "-q", "--root", world.root]);
    await this.#expectSound("after another run");
  }

  async #expectSound(when: string): Promise<void> {
    await using store = await openStore({ root: world.root, driver: null });
    const found = checkRoot(store).findings.map(({ code, path }) => `${code} ${path}`);
    if (found.length > 0) this.#say(`${found.join(", ")} ${when}`);
  }

  #say(what: string): void {
    this.#problems.push(`${this.#point}: ${what}`);
  }
}

function isSame(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([path, fact]) => other.get(path) === fact);
}

function openFiles(): number {
  return readdirSync("/proc/self/fd").length;
}

for (const title of titles) {
  const one = CASES.find((known) => known.title === title);
  if (one === undefined) throw new Error(`no case ${title}`);
  writeSync(3, `${JSON.stringify({ title, ...(await new Sweeping(one).run()) })}\n`);
}
