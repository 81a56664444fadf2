/** Bytes of a blob that is to be sent, any part of it as often as it takes. */
import { read } from "node:fs";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { OvlError } from "../../errors.js";
import type { Digest } from "../../model/digest.js";

export interface UploadBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /**
   * The bytes from `start` to `end`, the latter included.
   * @param onSent told how many of them have been taken
   */
  part(start: number, end: number, onSent?: (bytes: number) => void): Readable | Uint8Array;
}

/** A blob in an open file, which is not owned, from its first byte on. */
export function fileBlob(fd: number, digest: Digest, size: number): UploadBlob {
  return {
    digest,
    size,
    part: (start, end, onSent) => Readable.from(piecesOf(fd, start, end, onSent), { objectMode: false }),
  };
}

const readAt = promisify(read);
const PIECE_BYTES = 256 * 1024;

/** Not by fs.ReadStream: that closes a descriptor which is not its own when it is destroyed. */
async function* piecesOf(
  fd: number,
  start: number,
  end: number,
  onSent?: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  for (let at = start; at <= end; ) {
    const length = Math.min(PIECE_BYTES, end + 1 - at);
    const { bytesRead, buffer } = await readAt(fd, Buffer.allocUnsafe(length), 0, length, at);
    if (bytesRead === 0) throw new OvlError("INTERNAL", `a temporary file ends at byte ${at} instead of ${end + 1}`);
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
    onSent?.(at - start);
  }
}

export function memoryBlob(bytes: Uint8Array, digest: Digest): UploadBlob {
  return { digest, size: bytes.length, part: (start, end) => bytes.subarray(start, end + 1) };
}
