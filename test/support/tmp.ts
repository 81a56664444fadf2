/** Scratch directories that are gone when their scope ends: `using dir = scratch("pull");`. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Scratch extends Disposable {
  readonly path: string;
  /** Path of something in it, whether or not it exists. */
  join(...parts: string[]): string;
  /** A new directory in it. */
  dir(...parts: string[]): string;
}

/**
 * Memory is faster than a disk and keeps nanoseconds, xattrs and devices, but containers often have only 64 MiB of it.
 */
const ROOM = 3 * 2 ** 30;

/** @param room bytes that the caller may need; below that in memory, the disk is used */
export function scratch(purpose = "test", room = ROOM): Scratch {
  return scratchIn(scratchParent(room), purpose);
}

/** The same on a disk, for what a filesystem in memory cannot do. */
export function diskScratch(purpose = "test"): Scratch {
  return scratchIn(tmpdir(), purpose);
}

function scratchIn(parent: string, purpose: string): Scratch {
  const path = mkdtempSync(join(parent, `ovl-${purpose}-`));
  return {
    path,
    join: (...parts) => join(path, ...parts),
    dir(...parts) {
      const dir = join(path, ...parts);
      mkdirSync(dir, { recursive: true });
      return dir;
    },
    [Symbol.dispose]: () => removeTree(path),
  };
}

/** By `rm`: Node's own recursive removal cannot name files whose names are not UTF-8. */
export function removeTree(path: string): void {
  if (process.getuid?.() !== 0) spawnSync("chmod", ["-R", "u+rwX", "--", path], { stdio: "ignore" });
  const { status, stderr } = spawnSync("rm", ["-rf", "--one-file-system", "--", path]);
  if (status !== 0) throw new Error(`cannot remove ${path}: ${stderr}`);
}

function scratchParent(room: number): string {
  try {
    const { bavail, bsize } = statfsSync("/dev/shm");
    if (bavail * bsize >= room) return "/dev/shm";
  } catch {
    // No such mount.
  }
  return tmpdir();
}
