/** Whether something is mounted at or below a path, as far as this process sees it. */
import { realpathSync } from "node:fs";
import { OvlError } from "../errors.js";
import { mountTable } from "./mount-table.js";

/** Throws IN_USE where something is mounted at or below a path: removing it could take somebody's volume along. */
export function refuseMounts(path: string): void {
  const mount = mountBelow(path);
  if (mount !== null) throw new OvlError("IN_USE", `${mount} is mounted; unmount it first`, { path: mount });
}

/** A mount point at or below a path, null where there is none or the kernel does not tell. */
export function mountBelow(path: string): string | null {
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    return null;
  }
  return mountTable().find(({ point }) => point === real || point.startsWith(`${real}/`))?.point ?? null;
}
