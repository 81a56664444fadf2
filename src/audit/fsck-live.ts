/**
 * Looking at a root that others write to at this moment. Nobody is made to wait, so a look may meet a layer or a
 * container half way in or out: what it finds counts only if it stays.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { FsckResult } from "./fsck.js";
import type { Finding } from "./fsck-finding.js";

/** Milliseconds between two looks: more than most steps of a writer take. */
const PAUSE = 100;
/** Looks in which a finding must stay. */
const LOOKS = 5;

/**
 * @param isMoving whether somebody writes to the root now; @param look finds what is wrong with it
 * The last look, with the findings that all looks had in common, or those of one look at a root that nobody wrote to.
 */
export async function settled(
  isMoving: () => boolean,
  look: (moving: boolean) => Promise<FsckResult>,
): Promise<FsckResult> {
  let common: ReadonlySet<string> | null = null;
  for (let looks = 1; ; looks++) {
    const before = isMoving();
    const result = await look(before);
    if (!before && !isMoving()) return result;
    const findings = result.findings.filter((finding) => common === null || common.has(keyOf(finding)));
    if (findings.length === 0 || looks === LOOKS) return { ...result, findings };
    common = new Set(findings.map(keyOf));
    await sleep(PAUSE);
  }
}

function keyOf({ code, path, subject }: Finding): string {
  return JSON.stringify([code, path, subject]);
}
