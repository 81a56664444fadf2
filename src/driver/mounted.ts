/** Whether something is mounted at or below a path, as far as this process sees it. */
import { realpathSync } from "node:fs";
import { OvlError } from "../errors.js";
import { mountTable } from "./mount-table.js";

/** Throws IN_USE where something is mounted at or below a path: removing it could take somebody's volume along. */
export function refuseMounts(path: string): void {
  const [mount] = mountsBelow(path);
  if (mount !== undefined) throw mountedOn(mount.point);
}

export function mountedOn(point: string): OvlError {
  return new OvlError("IN_USE", `${point} is mounted; unmount it first`, { path: point });
}

export interface MountBelow {
  readonly point: string;
  /** From the path that was asked about; empty for that itself. */
  readonly path: string;
}

/** Mount points at or below a path, in the order in which they were made; none where the kernel does not tell. */
export function mountsBelow(path: string): MountBelow[] {
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    return [];
  }
  return mountTable().flatMap(({ point }) =>
    point === real || point.startsWith(`${real}/`) ? [{ point, path: point.slice(real.length + 1) }] : [],
  );
}
