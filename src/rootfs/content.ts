/** Content of a file in a layer, pulled. */
import { constants, readSync } from "node:fs";
import type { ByteSource } from "../blob/byte-source.js";
import { asOvlError } from "../errors.js";
import { AT_FDCWD, close, openAt } from "../sys/at.js";
import { EPERM } from "../sys/errno.js";
import { procLink } from "../sys/xattr.js";

export interface Content extends ByteSource, Disposable {
  /** Open for reading at the file's start; closed when this is disposed. */
  readonly fd: number;
}

/** As much as a read and a write take at their best from and to the page cache. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Opens again for reading what an O_PATH fd names, so that what was looked at is what is read: between the look and
 * a second walk by name a FIFO or a device could take the place. `-errno` where the kernel refuses.
 * @param size in bytes as last seen; more is read where there is more
 */
export function reopen(pathFd: number, size: number): Content | number {
  const link = procLink(pathFd);
  let fd = openAt(AT_FDCWD, link, constants.O_RDONLY | constants.O_NOATIME);
  // Only the owner and root may leave the access time as it is.
  if (fd === -EPERM) fd = openAt(AT_FDCWD, link, constants.O_RDONLY);
  if (fd < 0) return fd;
  const chunk = Buffer.allocUnsafe(Math.max(1, Math.min(CHUNK_BYTES, size + 1)));
  return {
    fd,
    read() {
      try {
        const length = readSync(fd, chunk);
        return length === 0 ? null : chunk.subarray(0, length);
      } catch (error) {
        throw asOvlError(error);
      }
    },
    [Symbol.dispose]: () => void close(fd),
  };
}
