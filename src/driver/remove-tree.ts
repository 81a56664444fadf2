/**
 * Removes a directory with everything in it. Node's own `rmSync` takes names for UTF-8 and gives up on the
 * others, and on paths longer than the kernel takes; a layer may have both.
 */
import { chmodSync, lstatSync, readdirSync, renameSync, rmdirSync, unlinkSync } from "node:fs";
import { OvlError, osError } from "../errors.js";
import { errnoOf } from "./files.js";

/** Path length, in bytes, from which a directory is moved up before it is emptied: 4096 less one name. */
const DEEP = 3800;
const SLASH = Buffer.from("/");

/** Absent is fine. Throws IN_USE where something is mounted inside. Symlinks are removed, never followed. */
export function removeTree(path: string): void {
  const root = Buffer.from(path);
  // Directories too deep to be named, moved into `root` under a new name to be emptied in their turn.
  let moved = 0;
  const liftOut = (directory: Buffer): void => {
    const name = Buffer.concat([root, SLASH, Buffer.from(`.removing-${process.pid}-${moved++}`)]);
    renameSync(directory, name);
  };
  const empty = (directory: Buffer): void => {
    for (const name of list(directory)) {
      const child = Buffer.concat([directory, SLASH, name]);
      attempt(directory, child, () => {
        if (!lstatSync(child).isDirectory()) return unlinkSync(child);
        if (child.length > DEEP) return liftOut(child);
        empty(child);
        // Not empty: something deep was lifted out, or would not go; the next round tells.
        rmdirSync(child);
      });
    }
  };
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isDirectory()) {
    unlinkSync(root);
    return;
  }
  let before: number;
  do {
    before = moved;
    empty(root);
  } while (moved > before);
  attempt(null, root, () => rmdirSync(root));
}

function list(directory: Buffer): Buffer[] {
  try {
    return readdirSync(directory, { encoding: "buffer" });
  } catch (thrown) {
    // Without root, a directory that its owner may not read has to be opened up first.
    if (errnoOf(thrown) !== "EACCES") throw refused(thrown, directory);
    chmodSync(directory, 0o700);
    return readdirSync(directory, { encoding: "buffer" });
  }
}

function attempt(parent: Buffer | null, path: Buffer, remove: () => void): void {
  try {
    remove();
  } catch (thrown) {
    const code = errnoOf(thrown);
    if (thrown instanceof OvlError || code === "ENOENT") {
      if (thrown instanceof OvlError) throw thrown;
      return;
    }
    if (code !== "EACCES" || parent === null) throw refused(thrown, path);
    try {
      chmodSync(parent, 0o700);
      remove();
    } catch (again) {
      throw refused(again, path);
    }
  }
}

function refused(thrown: unknown, path: Buffer): OvlError {
  if (thrown instanceof OvlError) return thrown;
  const shown = path.toString();
  if (errnoOf(thrown) === "EBUSY") {
    return new OvlError("IN_USE", `${shown} is mounted; unmount it first`, { path: shown }, { cause: thrown });
  }
  return osError(errnoOf(thrown) || "EIO", `remove ${shown}`, { path: shown }, thrown);
}
