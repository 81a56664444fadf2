/** Making what was written survive a power failure. */
import { closeSync, constants, openSync } from "node:fs";
import { must } from "./errno.js";
import { answer, libc } from "./libc.js";

/** Every change on the filesystem that a path lies on: one call for a whole pull instead of one a file. */
export function syncFileSystem(path: string): void {
  withDirectory(path, (fd) => must(answer(libc().syncfs(fd)), `sync the filesystem of ${path}`, { path }));
}

/** The names in a directory: what was created, renamed or removed in it. */
export function syncDirectory(path: string): void {
  withDirectory(path, (fd) => must(answer(libc().fsync(fd)), `sync ${path}`, { path }));
}

function withDirectory(path: string, act: (fd: number) => void): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    act(fd);
  } finally {
    closeSync(fd);
  }
}
