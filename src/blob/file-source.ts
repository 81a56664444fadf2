import { readSync } from "node:fs";
import { asOvlError, OvlError } from "../errors.js";
import type { ByteSource, FileRange } from "./byte-source.js";

/**
 * Bytes a read. Reading from the page cache and hashing what was read takes the same time for 128 KiB to
 * 512 KiB; smaller reads pay for the system call, larger ones leave the second-level cache before they are used.
 */
const CHUNK_BYTES = 256 * 1024;

/**
 * The bytes of a range, read by position, so that any number of sources can share one descriptor.
 * Throws BAD_ARCHIVE where the file ends inside the range, and the system's error where it cannot be read.
 */
export function fileSource(range: FileRange, chunkBytes = CHUNK_BYTES): ByteSource {
  let position = range.offset;
  const end = range.offset + range.size;
  // Not from the shared pool, and no larger than what there is to read.
  const chunk = Buffer.allocUnsafeSlow(Math.max(1, Math.min(chunkBytes, range.size)));
  return {
    read() {
      if (position >= end) return null;
      const length = readAt(range.fd, chunk, Math.min(chunk.length, end - position), position);
      if (length === 0) {
        throw new OvlError(
          "BAD_ARCHIVE",
          `the file ends at byte ${position}, inside a range that should end at byte ${end}; it was cut short: fetch it again`,
          { expected: range.size, actual: position - range.offset, offset: range.offset },
        );
      }
      position += length;
      return chunk.subarray(0, length);
    },
  };
}

function readAt(fd: number, into: Uint8Array, length: number, position: number): number {
  try {
    return readSync(fd, into, 0, length, position);
  } catch (error) {
    throw asOvlError(error);
  }
}
