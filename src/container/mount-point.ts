/** Where the view of a layer is mounted, and what of that is made for the time of the mount only. */
import { createHash } from "node:crypto";
import { lstatSync, realpathSync, rmdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { makeDirectory } from "../driver/files.js";
import { mountTable } from "../driver/mount-table.js";
import { asOvlError, OvlError } from "../errors.js";
import type { CacheId } from "../model/digest.js";
import type { Store } from "../store/store.js";
import { makeDirectories } from "../sys/make-directories.js";

/** The layer's own place, or a private one for a root that is not to be written to. */
export type Place = "merged" | "private";

export interface MountPoint {
  readonly path: string;
  /** Takes back what was made for a mount that did not come about. */
  undo(): void;
}

/** A directory that the user names: there, and nothing mounted on it. Throws NOT_FOUND, IN_USE. */
export function givenPoint(dir: string): MountPoint {
  let path: string;
  try {
    path = realpathSync(dir);
  } catch (thrown) {
    throw new OvlError("NOT_FOUND", `${dir} is not there; make the directory first`, { path: dir }, { cause: thrown });
  }
  if (!lstatSync(path).isDirectory()) throw new OvlError("USAGE", `${dir} is no directory`, { path: dir });
  refuseTaken(path);
  return { path, undo() {} };
}

/** Throws IN_USE where it is mounted on already. */
export function ownPoint(store: Store, cacheId: CacheId, place: Place): MountPoint {
  try {
    const path = place === "merged" ? store.driver.mergedDir(cacheId) : privateDir(store.root, cacheId);
    if (place === "private") makeDirectories(dirname(path), 0o700);
    const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
    if (!isThere) makeDirectory(path, 0o700);
    const real = realpathSync(path);
    refuseTaken(real);
    return { path: real, undo: () => isThere || removePoint(store, real) };
  } catch (thrown) {
    throw asOvlError(thrown);
  }
}

/** Removes the directory of a mount that is gone, if it was made for the mount. What is not empty stays. */
export function removePoint(store: Store, path: string): void {
  const own = basename(path) === "merged" && dirname(dirname(path)) === realHome(store);
  const base = privateBase(store.root);
  if (!own && dirname(path) !== base) return;
  try {
    rmdirSync(path);
    if (own) return;
    rmdirSync(base);
    rmdirSync(dirname(base));
  } catch {
    // Files that somebody put there before the mount, and other mounts of this root.
  }
}

function refuseTaken(path: string): void {
  const taken = mountTable().some(({ point }) => point === path);
  if (taken) throw new OvlError("IN_USE", `${path} is mounted already; unmount it first: ovl umount ${path}`, { path });
}

function realHome(store: Store): string {
  try {
    return realpathSync(store.driver.home);
  } catch {
    return store.driver.home;
  }
}

function privateDir(root: string, cacheId: CacheId): string {
  return join(privateBase(root), cacheId);
}

/**
 * Where private mounts of a root are: one directory a root, so that roots that were copied, whose layers have the same
 * names, do not meet.
 */
export function privateBase(root: string): string {
  const user = process.getuid?.() ?? 0;
  const runtime = user === 0 ? "/run" : (process.env["XDG_RUNTIME_DIR"] ?? `/run/user/${user}`);
  const name = createHash("sha256").update(root).digest("hex").slice(0, 16);
  return join(runtime, "ovl", name);
}
