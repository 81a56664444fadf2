/** Opening a file by a name that may be something else, without touching what it is then. */
import { constants } from "node:fs";
import type { ByteString } from "../model/bytes.js";
import { close, S_IFLNK, S_IFREG, S_IFSOCK } from "./at.js";
import { openQuietlyAt } from "./read-names.js";
import { fileSizeOf, typeAt } from "./stat.js";

export interface OpenFile {
  /** The caller's to close. */
  readonly fd: number;
  /** Bytes. */
  readonly size: number;
}

/**
 * A regular file, open for reading; `-errno` where it cannot be opened. Nothing else is opened: a driver acts when its
 * device is, and whoever writes to a FIFO waits for that. No symlink is followed, no time of access changed where the
 * kernel lets us ask for that.
 */
export function openFileAt(dir: number, name: ByteString): OpenFile | "special" | number {
  const type = typeAt(dir, name);
  if (type < 0) return type;
  // The kernel opens no socket, and no symlink that is not to be followed, and says which it was.
  if (type !== S_IFREG && type !== S_IFLNK && type !== S_IFSOCK) return "special";
  const fd = openQuietlyAt(dir, name, constants.O_RDONLY | constants.O_NONBLOCK);
  if (fd < 0) return fd;
  // The name may be another object's by now.
  const size = fileSizeOf(fd);
  if (size >= 0) return { fd, size };
  close(fd);
  return "special";
}
