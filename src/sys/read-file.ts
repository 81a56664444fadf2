/** Small files read whole, without trust in what they are. */
import type { ByteString } from "../model/bytes.js";
import { close } from "./at.js";
import { EINTR } from "./errno.js";
import { answer, libc } from "./libc.js";
import { openFileAt } from "./open-file.js";

/** What there is instead of content: no regular file, or one of more bytes than are read. */
export type NoContent = "special" | { readonly size: number };

/**
 * Content of a regular file of at most `limit` bytes; `-errno` where it cannot be opened or read. Opened as
 * `openFileAt` does.
 */
export function readFileAt(dir: number, name: ByteString, limit: number): Buffer | NoContent | number {
  const file = openFileAt(dir, name);
  if (typeof file !== "object") return file;
  const { fd, size } = file;
  try {
    if (size > limit) return { size };
    const bytes = Buffer.allocUnsafe(size);
    const length = fill(fd, bytes);
    if (length < 0) return length;
    return length === size ? bytes : bytes.subarray(0, length);
  } finally {
    close(fd);
  }
}

/** Bytes read, fewer than there is room for where the file has been cut since; or `-errno`. */
function fill(fd: number, bytes: Buffer): number {
  for (let length = 0; length < bytes.length; ) {
    const rest = length === 0 ? bytes : bytes.subarray(length);
    const count = answer(libc().read(fd, rest, rest.length));
    if (count === 0) return length;
    if (count > 0) length += count;
    else if (count !== -EINTR) return count;
  }
  return bytes.length;
}
