import { writeSync } from "node:fs";
import { osError } from "../errors.js";

/** Milliseconds between two tries where another process has made the pipe non-blocking and it is full. */
const RETRY_MS = 5;

/** An open file that bytes are written to. */
export interface FileSink {
  readonly fd: number;
  /** What to call it in messages. */
  readonly file: string;
}

/**
 * Writes all bytes, at a position or, for null, where the descriptor stands: into a pipe.
 * Throws NO_SPACE, PERMISSION, IO.
 * @param onWait called while a full pipe is waited for; what it throws ends the wait
 */
export function writeFully(
  { fd, file }: FileSink,
  bytes: Uint8Array,
  position: number | null,
  onWait?: () => void,
): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at, bytes.length - at, position === null ? null : position + at);
    } catch (error) {
      const errno = (error as NodeJS.ErrnoException).code ?? "";
      if (errno !== "EAGAIN") throw osError(errno, `write ${file}`, { path: file }, error);
      onWait?.();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
