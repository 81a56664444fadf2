/** A copy of a root that the test may damage. */
import { spawnSync } from "node:child_process";

/** With owners, times, extended attributes and devices. */
export function copyRoot(from: string, to: string): string {
  const { status, stderr } = spawnSync("cp", ["-a", from, to]);
  if (status !== 0) throw new Error(`cp -a ${from} ${to}: ${stderr}`);
  return to;
}
