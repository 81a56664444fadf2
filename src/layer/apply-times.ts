/** Which times an entry's object gets: moby's pkg/archive and pkg/system/chtimes.go, and Go's time arithmetic. */
import type { TarEntry, TarTime } from "../tar/entry.js";

export interface Times {
  readonly atime: TarTime;
  readonly mtime: TarTime;
}

const EPOCH: TarTime = { sec: 0, nsec: 0 };
/** 2^63 - 1 ns, in 2262: the last moment that Go's nanosecond clock knows. */
const LAST: TarTime = { sec: 9223372036, nsec: 854775807 };

/** Of anything but a symlink. */
export function timesOf(entry: TarEntry): Times {
  return { atime: settable(accessTime(entry)), mtime: settable(entry.mtime) };
}

/** Of a symlink: times before 1970 and after 2262 are not replaced, but pass through 64 bits of nanoseconds. */
export function symlinkTimesOf(entry: TarEntry): Times {
  return { atime: wrapped(accessTime(entry)), mtime: wrapped(entry.mtime) };
}

/** Of a directory, when everything in it is done: here the time of access is the header's, whatever it is. */
export function finalTimesOf(entry: TarEntry): Times {
  return { atime: entry.atime === null ? EPOCH : settable(entry.atime), mtime: settable(entry.mtime) };
}

/** Never before the modification. */
function accessTime({ atime, mtime }: TarEntry): TarTime {
  return atime === null || isBefore(atime, mtime) ? mtime : atime;
}

function settable(time: TarTime): TarTime {
  return time.sec < 0 || isBefore(LAST, time) ? EPOCH : time;
}

function isBefore(a: TarTime, b: TarTime): boolean {
  return a.sec < b.sec || (a.sec === b.sec && a.nsec < b.nsec);
}

const NS = 1_000_000_000n;

function wrapped(time: TarTime): TarTime {
  if (Math.abs(time.sec) < LAST.sec) return time;
  const ns = BigInt.asIntN(64, BigInt(time.sec) * NS + BigInt(time.nsec));
  const nsec = ((ns % NS) + NS) % NS;
  return { sec: Number((ns - nsec) / NS), nsec: Number(nsec) };
}
