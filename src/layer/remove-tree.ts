/** Removing what is in the way, a whole directory too. */
import { constants, readdirSync } from "node:fs";
import type { ByteString } from "../model/bytes.js";
import { AT_REMOVEDIR, close, openAt, unlinkAt } from "../sys/at.js";
import { EISDIR, ENOENT, ENOTDIR, EPERM } from "../sys/errno.js";
import { procLink } from "../sys/xattr.js";

/** Removes a name and everything below it; follows no symlink. Nothing there is no failure. 0 or `-errno`. */
export function removeTree(dir: number, base: ByteString): number {
  const removed = unlinkAt(dir, base);
  if (removed >= 0 || removed === -ENOENT) return 0;
  // POSIX says EPERM for a directory, Linux EISDIR.
  if (removed !== -EISDIR && removed !== -EPERM) return removed;
  const fd = openAt(dir, base, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  if (fd < 0) return fd === -ENOTDIR ? removed : fd;
  try {
    for (const name of namesIn(fd)) {
      const result = removeTree(fd, name);
      if (result < 0) return result;
    }
  } finally {
    close(fd);
  }
  return unlinkAt(dir, base, AT_REMOVEDIR);
}

/** Names in an open directory, unsorted. */
export function namesIn(fd: number): ByteString[] {
  return readdirSync(procLink(fd), { encoding: "latin1" }) as ByteString[];
}
