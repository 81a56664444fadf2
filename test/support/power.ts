/**
 * Disks that can lose their power. An ext4 filesystem lies on a loop device over a file in memory; the kernel writes
 * there what was synced, and nothing else as long as it is not told to: its own commits and its write-back come later
 * than a test is long. A copy of the file is what a disk holds whose machine has just lost its power.
 */
import { copyFileSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { run, runOk } from "./run.js";

const BYTES = 64 * 1024 * 1024;

/** A new disk, not mounted. */
export async function makeDisk(path: string): Promise<void> {
  writeFileSync(path, "");
  truncateSync(path, BYTES);
  await runOk("mkfs.ext4", ["-q", "-F", "-m", "0", path]);
}

export interface MountedDisk extends AsyncDisposable {
  readonly path: string;
}

/** Mounted as one that nobody syncs unasked; a journal that was left is replayed. */
export async function mountDisk(disk: string, dir: string): Promise<MountedDisk> {
  mkdirSync(dir, { recursive: true });
  await runOk("mount", ["-t", "ext4", "-o", "loop,commit=1000", disk, dir]);
  return {
    path: dir,
    [Symbol.asyncDispose]: async () => {
      await runOk("umount", [dir]);
    },
  };
}

/**
 * What is on the disk in this moment. No process may be writing to it; what the kernel does meanwhile is waited for.
 */
export async function cutPower(disk: string, copy: string): Promise<void> {
  for (;;) {
    copyFileSync(disk, copy);
    if ((await run("cmp", ["-s", disk, copy])).status === 0) return;
  }
}
