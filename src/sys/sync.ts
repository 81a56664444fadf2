/** Making what was written survive a power failure. */
import { closeSync, constants, openSync } from "node:fs";
import { must } from "./errno.js";
import { answer, libc } from "./libc.js";

/** Every change on the filesystem that a path lies on: one call for a whole pull instead of one a file. */
export function syncFileSystem(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    must(answer(libc().syncfs(fd)), `sync the filesystem of ${path}`, { path });
  } finally {
    closeSync(fd);
  }
}
