/** Bringing a directory to the name that is its own, which another may have that is called as this one is. */
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import type { Step } from "./fsck-finding.js";

/**
 * @param other what the directory that is at `to` has to be called; null where none is
 * @returns no steps where the other has to go elsewhere first, null where the other's finding has them
 */
export function swapSteps(from: string, to: string, other: string | null): Step[] | null {
  const move = (path: string, target: string): Step => ({ do: "rename", path, to: target });
  if (other === null) return [move(from, to)];
  if (other !== basename(from)) return [];
  if (from > to) return null;
  // What an interruption leaves is called as nothing is, and its own name is free or the other's to leave.
  const aside = join(dirname(from), createHash("sha256").update(to).digest("hex"));
  return [move(from, aside), move(to, from), move(aside, to)];
}
