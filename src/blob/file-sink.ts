/** Bytes into an open file, or into a pipe whose reader may take its time. */
import { writeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { errnoOf, osError } from "../errors.js";
import { waitWritable } from "../sys/poll.js";

export interface FileSink {
  /** A pipe should not block: a thread that waits in write(2) hears of nothing else. */
  readonly fd: number;
  /** What to call it in messages. */
  readonly file: string;
}

/** Milliseconds between two looks around while a pipe is full. */
const TURN_MS = 10;

/**
 * Writes all bytes, at a position or, for null, where the descriptor stands. Throws NO_SPACE, PERMISSION, IO.
 * @param onWait called in turns while a full pipe is waited for; what it throws ends the wait
 */
export function writeFully(
  sink: FileSink,
  bytes: Uint8Array,
  position: number | null,
  onWait: () => void = () => {},
): void {
  for (let at = 0; at < bytes.length; ) {
    const written = writeSome(sink, bytes, at, position);
    if (written === 0) onWait();
    at += written;
  }
}

/** The same for the main thread: the event loop turns while a full pipe is waited for. */
export async function writeSoon(
  sink: FileSink,
  bytes: Uint8Array,
  position: number | null,
  onWait: () => void,
): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const written = writeSome(sink, bytes, at, position);
    if (written === 0) {
      onWait();
      await setImmediate();
    }
    at += written;
  }
}

/** How much was written from `at` on: 0 where there was no room within a turn. */
function writeSome({ fd, file }: FileSink, bytes: Uint8Array, at: number, position: number | null): number {
  try {
    return writeSync(fd, bytes, at, bytes.length - at, position === null ? null : position + at);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== "EAGAIN") throw osError(errno, `write ${file}`, { path: file }, error);
    waitWritable(fd, TURN_MS);
    return 0;
  }
}
