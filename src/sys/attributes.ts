/** Owner, mode and times of objects. Every function answers 0 or `-errno`. */
import { constants } from "node:fs";
import type { ByteString } from "../model/bytes.js";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, close, O_PATH, openAt } from "./at.js";
import { cString } from "./c-string.js";
import { ELOOP } from "./errno.js";
import { answer, libc } from "./libc.js";
import { isSymlink, statOf } from "./stat.js";
import { procLink } from "./xattr.js";

/** Seconds since 1970, negative before, and nanoseconds 0..999999999. */
export interface Time {
  readonly sec: number;
  readonly nsec: number;
}

/** The time that the object has. */
export const AS_IT_IS: Time = { sec: 0, nsec: 2 ** 30 - 2 };

/** Ids count modulo 2^32, and 2^32 - 1 (or -1) leaves the id as it is. */
export function changeOwner(fd: number, uid: number, gid: number): number {
  return answer(libc().fchown(fd, uid >>> 0, gid >>> 0));
}

/** Of a symlink: its own owner. */
export function changeOwnerAt(dir: number, name: ByteString, uid: number, gid: number): number {
  return answer(libc().fchownat(dir, cString(name), uid >>> 0, gid >>> 0, AT_SYMLINK_NOFOLLOW));
}

export function changeMode(fd: number, mode: number): number {
  return answer(libc().fchmod(fd, mode));
}

/** Never of what a symlink leads to: a symlink has no mode, so `-ELOOP`. Linux before 6.6 has no call for that. */
export function changeModeAt(dir: number, name: ByteString, mode: number): number {
  const fd = openAt(dir, name, O_PATH | constants.O_NOFOLLOW);
  if (fd < 0) return fd;
  try {
    const stat = statOf(fd);
    if (typeof stat === "number") return stat;
    return isSymlink(stat) ? -ELOOP : changeModeOfPathFd(fd, mode);
  } finally {
    close(fd);
  }
}

/** Of what an fd is open on, also with O_PATH; not for a symlink's. */
export function changeModeOfPathFd(fd: number, mode: number): number {
  return answer(libc().fchmodat(AT_FDCWD, cString(procLink(fd)), mode, 0));
}

export function changeTimes(fd: number, atime: Time, mtime: Time): number {
  return answer(libc().futimens(fd, timespecs(atime, mtime)));
}

/** Of a symlink: its own times. */
export function changeTimesAt(dir: number, name: ByteString, atime: Time, mtime: Time): number {
  return answer(libc().utimensat(dir, cString(name), timespecs(atime, mtime), AT_SYMLINK_NOFOLLOW));
}

/** Of what an fd is open on, also with O_PATH: through its link in /proc, since futimens refuses such an fd. */
export function changeTimesOfPathFd(fd: number, atime: Time, mtime: Time): number {
  return answer(libc().utimensat(AT_FDCWD, cString(procLink(fd)), timespecs(atime, mtime), 0));
}

/** Two struct timespec of 64-bit fields, in 32-bit halves: numbers become 64-bit integers without a BigInt. */
const times = new Int32Array(8);

function timespecs(atime: Time, mtime: Time): Int32Array {
  times[0] = atime.sec;
  times[1] = Math.floor(atime.sec / 2 ** 32);
  times[2] = atime.nsec;
  times[4] = mtime.sec;
  times[5] = Math.floor(mtime.sec / 2 ** 32);
  times[6] = mtime.nsec;
  return times;
}
