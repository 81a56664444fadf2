/** One timed run of a command, and its peak memory. */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

export interface Run {
  /** Wall time in seconds. */
  readonly seconds: number;
  /** Peak resident set of the process itself (not of a daemon that it asks), in MiB. */
  readonly peakMiB: number;
  readonly stdout: string;
}

export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** File that standard output goes to instead of the result. */
  readonly stdout?: string;
}

/** Rejects when the command fails: a peer that fails quickly must not win. */
export function timed(command: Command): Promise<Run> {
  const [file, ...args] = command.argv as [string, ...string[]];
  const out = command.stdout === undefined ? ("pipe" as const) : openSync(command.stdout, "w");
  return new Promise((resolve, reject) => {
    const start = process.hrtime.bigint();
    const child = spawn(file, args, { env: { ...process.env, ...command.env }, stdio: ["ignore", out, "pipe"] });
    let stdout = "";
    let stderr = "";
    let peakKiB = 0;
    child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk));
    child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk));
    // The kernel keeps the high-water mark itself; the last look before the end is at most this old.
    const timer = setInterval(() => (peakKiB = Math.max(peakKiB, highWater(child.pid))), 15);
    child.on("error", reject);
    child.on("close", (status) => {
      const seconds = Number(process.hrtime.bigint() - start) / 1e9;
      clearInterval(timer);
      if (typeof out === "number") closeSync(out);
      if (status !== 0) reject(new Error(`${command.argv.join(" ")} ended with ${status}: ${stderr.trim()}`));
      else resolve({ seconds, peakMiB: Math.round(peakKiB / 1024), stdout });
    });
  });
}

function highWater(pid: number | undefined): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0);
  } catch {
    return 0; // it has ended
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
