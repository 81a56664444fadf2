/** mkdir(2) for a directory and for what is missing above it. */
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { asOvlError, errnoOf } from "../errors.js";

/**
 * Makes a directory and those above it, each with this mode less the umask. What is there stays as it is, and what was
 * made before one was refused stays, too. Throws PERMISSION, NO_SPACE, IO.
 */
export function makeDirectories(path: string, mode: number): void {
  // Not Node's `recursive`: where a directory that is there takes none (ENOENT, as /proc has it) it tries for ever.
  const missing: string[] = [];
  let refusal = refusalOf(path, mode);
  for (let at = path; errnoOf(refusal) === "ENOENT" && at !== dirname(at); refusal = refusalOf(at, mode)) {
    missing.push(at);
    at = dirname(at);
  }
  for (let at = missing.pop(); refusal === null && at !== undefined; at = missing.pop()) refusal = refusalOf(at, mode);
  if (refusal !== null) throw asOvlError(refusal);
}

/** What keeps a directory from being there; null where it is, now if not before. */
function refusalOf(path: string, mode: number): unknown {
  try {
    mkdirSync(path, mode);
    return null;
  } catch (thrown) {
    return isDirectory(path) ? null : thrown;
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
