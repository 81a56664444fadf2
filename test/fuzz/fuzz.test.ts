/**
 * Inputs made to break something, by the thousand. Each is given to the library in a process that is watched: it
 * answers or refuses in the words of the contract, changes nothing outside of its own directory, ends within ten
 * seconds and needs no more memory than any other.
 *
 * `OVL_FUZZ_INPUTS=500000` for a long run, `OVL_FUZZ_KIND=tar` for one kind, `OVL_FUZZ_SEED=…` for the inputs from
 * there on, as a finding names them: `OVL_FUZZ_KIND=tar OVL_FUZZ_SEED=4711 OVL_FUZZ_INPUTS=1`.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { scratch } from "../support/tmp.js";
import { KINDS, type KindName } from "./kinds.js";

const CHILD = fileURLToPath(new URL("child.js", import.meta.url));
/** Of its own processor time, so that a busy machine is no finding; and on the clock, for what waits without end. */
const HANG_SECONDS = 10;
const BLOCKED_SECONDS = 120;
/** V8's own heap; what native memory there is besides shows in the resident size. */
const HEAP_MIB = 256;
const MAX_FINDINGS = 20;

/** Of a hundred inputs. Roots are forty times the work of a stream. */
const SHARE: Readonly<Record<KindName, number>> = { tar: 40, stream: 18, split: 17, source: 20, root: 5 };

const INPUTS = Number(process.env["OVL_FUZZ_INPUTS"] ?? 20_000);
const SEED = Number(process.env["OVL_FUZZ_SEED"] ?? 1);
const ONLY = process.env["OVL_FUZZ_KIND"];

describe("inputs made to break something", { concurrency: 2 }, () => {
  for (const name of Object.keys(KINDS) as KindName[]) {
    if (ONLY !== undefined && ONLY !== name) continue;
    const count = ONLY === undefined ? Math.round((INPUTS * SHARE[name]) / 100) : INPUTS;
    it(`${count} of kind ${name}, from seed ${SEED} on`, async (t) => {
      const started = performance.now();
      const { findings, mib } = await fuzz(name, count);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      t.diagnostic(`${count} inputs of kind ${name} in ${seconds} s, ${mib} MiB resident at the end`);
      assert.deepEqual(findings, []);
    });
  }
});

/** A child that hangs or dies is a finding, too; the next one goes on behind the input that it was at. */
async function fuzz(name: KindName, count: number): Promise<{ findings: string[]; mib: number }> {
  const findings: string[] = [];
  const end = SEED + count;
  for (let from = SEED; from < end; ) {
    const { at, found, mib } = await watch(name, from, end - from);
    findings.push(...found.map((text) => `OVL_FUZZ_KIND=${name} OVL_FUZZ_SEED=${text}`));
    if (at === null) return { findings, mib };
    if (findings.length >= MAX_FINDINGS) break;
    from = at + 1;
  }
  return { findings, mib: 0 };
}

interface Line {
  readonly seed?: number;
  readonly finding?: string;
  readonly done?: number;
}

/** @returns at: the input at which the child ended, null where it did all */
async function watch(
  name: KindName,
  from: number,
  count: number,
): Promise<{ at: number | null; found: string[]; mib: number }> {
  using place = scratch(`fuzz-${name}`, 0);
  const found: string[] = [];
  let at: number | null = from;
  let mib = 0;
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${HEAP_MIB}`, CHILD, name, place.path, String(from), String(count)],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let hung = false;
  let since = { at: -1, cpu: 0, wall: 0 };
  const watchdog = setInterval(() => {
    const now = { at: at ?? -1, cpu: cpuSeconds(child.pid as number), wall: performance.now() / 1000 };
    if (now.at !== since.at) since = now;
    hung = now.cpu - since.cpu > HANG_SECONDS || now.wall - since.wall > BLOCKED_SECONDS;
    if (hung) child.kill("SIGKILL");
  }, 500);
  let stderr = "";
  child.stderr.on("data", (text: Buffer) => (stderr = (stderr + text).slice(-2000)));
  const exit = new Promise<string>((resolve) => child.once("exit", (code, signal) => resolve(`${signal ?? code}`)));
  for await (const text of createInterface(child.stdout)) {
    const line = JSON.parse(text) as Line;
    if (line.finding !== undefined) found.push(`${line.seed}: ${line.finding}`);
    else if (line.seed !== undefined) at = line.seed;
    if (line.done !== undefined) [at, mib] = [null, line.done];
    if (found.length >= MAX_FINDINGS) child.kill("SIGKILL");
  }
  clearInterval(watchdog);
  const ended = await exit;
  if (at !== null && found.length < MAX_FINDINGS) {
    found.push(`${at}: ${hung ? `no end within ${HANG_SECONDS} s` : `the process ended (${ended}): ${stderr}`}`);
  }
  return { at, found, mib };
}

/** proc(5): user and system time are fields 14 and 15, in hundredths. */
function cpuSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}
