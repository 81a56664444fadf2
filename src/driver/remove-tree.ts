/**
 * Removes a directory with everything in it. Node's own `rmSync` takes names for UTF-8 and gives up on the
 * others, and on paths longer than the kernel takes; a layer may have both.
 */
import { lstatSync } from "node:fs";
import { osError } from "../errors.js";
import { byteStringOf, displayName } from "../model/bytes.js";
import { AT_FDCWD } from "../sys/at.js";
import { errnoName } from "../sys/errno.js";
import { removeTree as removeTreeAt } from "../sys/remove-tree.js";
import { refuseMounts } from "./mounted.js";

/**
 * Absent is fine. Symlinks are removed, never followed. Throws IN_USE where something is mounted inside,
 * before anything is removed.
 */
export function removeTree(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) refuseMounts(path);
  const remains = removeTreeAt(AT_FDCWD, byteStringOf(path));
  if (remains === null) return;
  const shown = displayName(remains.path);
  throw osError(errnoName(remains.errno), `remove ${shown}`, { path: shown });
}
