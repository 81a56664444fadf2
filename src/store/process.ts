/** Whether the process that a container is marked as running by is still that process. */
import { readFileSync } from "node:fs";
import { isJsonObject } from "../model/go-shape.js";
import { parseRfc3339 } from "../model/time.js";

/** Clock ticks a second in /proc: USER_HZ, 100 on every architecture that has Node. */
const TICKS = 100;
/** Seconds by which clocks may disagree. */
const SLACK = 5;

/**
 * @param state `State` of a config.v2.json
 * A process that began after the container did is another that got its number: after a crash or on another machine.
 */
export function processLives(state: unknown): boolean {
  if (!isJsonObject(state) || !Number.isSafeInteger(state["Pid"]) || (state["Pid"] as number) <= 0) return false;
  const began = startOf(state["Pid"] as number);
  if (began === null) return false;
  const started = typeof state["StartedAt"] === "string" ? parseRfc3339(state["StartedAt"]) : null;
  return started === null || began <= started.sec + SLACK;
}

/**
 * Seconds since 1970; null where there is no such process, or only its remains. proc(5): /proc/pid/stat,
 * fields 3 and 22.
 */
function startOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The program's name, in parentheses, may hold blanks and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return null;
    const boot = /^btime (\d+)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1];
    return Number(boot) + Number(fields[19]) / TICKS;
  } catch {
    return null;
  }
}
