/** Many kills of one command, and which. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Scratch } from "../support/tmp.js";
import { askDockerd } from "./judge.js";
import type { Outcome } from "./kill.js";

export type Kill = (n: number, dir: string, judge?: typeof askDockerd) => Promise<Outcome>;

/** Every failure is told, not the first. @param asked those that dockerd is asked about */
export async function killAll(
  t: TestContext,
  work: Scratch,
  { steps, asked }: { readonly steps: readonly number[]; readonly asked: ReadonlySet<number> },
  kill: Kill,
): Promise<void> {
  const outcomes = new Map<Outcome, number>();
  const failures: string[] = [];
  for (const n of steps) {
    try {
      const outcome = await kill(n, work.dir(`${t.name.slice(0, 20)}-${n}`), asked.has(n) ? askDockerd : undefined);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    } catch (error) {
      failures.push(`step ${n}: ${String(error)}`);
    }
  }
  const counts = [...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(", ");
  t.diagnostic(`${steps.length} kills: ${counts}; dockerd asked ${asked.size} times`);
  assert.deepEqual(failures, [], failures.join("\n\n"));
}

/** `count` different steps of 1 to `steps`, in order: one from each of as many stretches of equal length. */
export function chosen(steps: number, count: number, seed: number): number[] {
  let state = Math.imul(seed, 2654435761);
  const random = () => {
    // A linear congruential generator (Numerical Recipes): any will do that gives the same numbers everywhere.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const wanted = Math.min(steps, count);
  return Array.from({ length: wanted }, (_, i) => 1 + Math.floor(((i + random()) * steps) / wanted));
}
