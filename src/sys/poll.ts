/** poll(2): whether a descriptor has something to read, or room to write. */
import { EINTR, must } from "./errno.js";
import { answer, libc } from "./libc.js";

const POLLIN = 1;
const POLLOUT = 4;

/**
 * Waits until a read would not block: there are bytes, the end, or an error.
 * Blocks the thread for at most that many milliseconds; false when they passed, or when a signal came.
 */
export function waitReadable(fd: number, milliseconds: number): boolean {
  return wait(fd, POLLIN, milliseconds);
}

/** The same for a write of at least one byte. */
export function waitWritable(fd: number, milliseconds: number): boolean {
  return wait(fd, POLLOUT, milliseconds);
}

function wait(fd: number, events: number, milliseconds: number): boolean {
  // struct pollfd: the descriptor, then two 16-bit masks, the wanted one first in little-endian order.
  const pollfd = Int32Array.of(fd, events);
  const ready = answer(libc().poll(pollfd, 1, milliseconds));
  return ready === -EINTR ? false : must(ready, `wait for descriptor ${fd}`) > 0;
}
