/** What this process may do with files that are not its own. */
import { readFileSync } from "node:fs";

/** Whether it runs as root of the machine, and not of a user namespace, whose root gives no file a foreign owner. */
export function isMachineRoot(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    // user_namespaces(7), uid_map: the first namespace maps all ids to themselves.
    return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "latin1"));
  } catch {
    return true;
  }
}
