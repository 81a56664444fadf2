import { writeSync } from "node:fs";
import { asOvlError } from "../errors.js";

/** Milliseconds between two tries where another process has made the pipe non-blocking and it is full. */
const RETRY_MS = 5;

/**
 * Writes all bytes, at a position or, for null, where the descriptor stands: into a pipe.
 * Throws the system's error.
 * @param onWait called while a full pipe is waited for; what it throws ends the wait
 */
export function writeFully(fd: number, bytes: Uint8Array, position: number | null, onWait?: () => void): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at, bytes.length - at, position === null ? null : position + at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw asOvlError(error);
      onWait?.();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
