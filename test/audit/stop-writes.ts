/**
 * A process that dies in the middle of its writes, as far as the disk can tell: from one of them on, none of node:fs is
 * done any more, those of cleaning up included.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const WRITES = [
  ...(["renameSync", "unlinkSync", "rmSync", "rmdirSync", "mkdirSync", "symlinkSync", "copyFileSync"] as const),
  ...(["writeSync", "writeFileSync", "chmodSync", "fchmodSync", "fsyncSync", "utimesSync"] as const),
];

export class Stopped extends Error {}

/** @param at how many writes are done; Infinity only counts. @returns how many there were */
export async function stopAfter(at: number, act: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const originals = WRITES.map((name) => [name, fs[name]] as const);
  for (const [name, original] of originals) {
    const counted = (...args: unknown[]) => {
      if (count >= at) throw new Stopped(`${name} was not done`);
      count++;
      return (original as (...all: unknown[]) => unknown)(...args);
    };
    Object.assign(fs, { [name]: counted });
  }
  syncBuiltinESMExports();
  try {
    await act();
  } catch (thrown) {
    if (at === Number.POSITIVE_INFINITY) throw thrown;
  } finally {
    for (const [name, original] of originals) Object.assign(fs, { [name]: original });
    syncBuiltinESMExports();
  }
  return count;
}
