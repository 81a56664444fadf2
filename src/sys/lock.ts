/** flock(2): a lock on an open file, gone when its last fd is closed, so also when the process dies. */
import { EAGAIN, EINTR, must } from "./errno.js";
import { answer, libc } from "./libc.js";

export type LockKind = "shared" | "exclusive";

const LOCK: Readonly<Record<LockKind, number>> = { shared: 1, exclusive: 2 };
const LOCK_NB = 4;
const LOCK_UN = 8;

/**
 * Takes the lock if that needs no waiting.
 * @param doing for the error of a filesystem that has no locks: `lock /r/ovl.lock`
 * @returns false where another holder is in the way
 */
export function tryLock(fd: number, kind: LockKind, doing: string): boolean {
  const result = answer(libc().flock(fd, LOCK[kind] | LOCK_NB));
  if (result === -EAGAIN) return false;
  must(result, doing);
  return true;
}

/** Takes the lock, waiting for it: blocks the thread. */
export function lock(fd: number, kind: LockKind, doing: string): void {
  let result: number;
  do result = answer(libc().flock(fd, LOCK[kind]));
  while (result === -EINTR);
  must(result, doing);
}

export function unlock(fd: number, doing: string): void {
  must(answer(libc().flock(fd, LOCK_UN)), doing);
}
