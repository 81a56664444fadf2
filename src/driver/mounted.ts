/** What is mounted where, as the kernel tells this process: proc(5), /proc/self/mountinfo. */
import { readFileSync, realpathSync } from "node:fs";
import { OvlError } from "../errors.js";

/** Throws IN_USE where something is mounted at or below a path: removing it could take somebody's volume along. */
export function refuseMounts(path: string): void {
  const mount = mountBelow(path);
  if (mount !== null) throw new OvlError("IN_USE", `${mount} is mounted; unmount it first`, { path: mount });
}

/** A mount point at or below a path, null where there is none or the kernel does not tell. */
export function mountBelow(path: string): string | null {
  let real: string;
  let table: string;
  try {
    real = realpathSync(path);
    table = readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return null;
  }
  for (const line of table.split("\n")) {
    const point = (line.split(" ")[4] ?? "").replace(/\\([0-7]{3})/g, (_, octal) =>
      String.fromCharCode(parseInt(octal, 8)),
    );
    if (point === real || point.startsWith(`${real}/`)) return point;
  }
  return null;
}
