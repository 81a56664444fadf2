/**
 * Making, opening and removing objects by name in an open directory. Every function answers as the kernel does:
 * a result that is not negative, or `-errno` (`must` makes an error of that). Names are single components or
 * relative paths, as the caller decides; flags are those of `node:fs` and the ones below.
 */
import { constants } from "node:fs";
import type { ByteString } from "../model/bytes.js";
import { cString, secondCString } from "./c-string.js";
import { EAGAIN } from "./errno.js";
import { answer, libc } from "./libc.js";

/** The process's working directory, instead of a directory's fd. */
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_EMPTY_PATH = 0x1000;

const O_CLOEXEC = 0o2000000;
/** An fd that only names an object: works without any permission on it, and opens no device. */
export const O_PATH = 0o10000000;

/** openat2: fail with EXDEV where the path leaves the directory, also by an absolute symlink. */
export const RESOLVE_BENEATH = 0x08;
/** openat2: the directory is `/` for the whole walk, as after chroot. */
export const RESOLVE_IN_ROOT = 0x10;
/** openat2: fail with ELOOP at any symlink on the way. */
export const RESOLVE_NO_SYMLINKS = 0x04;

/** A new fd, closed on exec. `mode` counts where O_CREAT makes the file, and is subject to the umask. */
export function openAt(dir: number, name: ByteString, flags: number, mode = 0): number {
  return answer(libc().openat(dir, cString(name), flags | O_CLOEXEC, mode));
}

/** How often a walk through `..` may be disturbed by renames elsewhere before that is the answer. */
const DISTURBED = 1000;

/** A new fd, found as `resolve` (RESOLVE_* bits) says. Linux 5.6 or later, else -ENOSYS. */
export function openAt2(dir: number, path: ByteString, flags: number, resolve: number): number {
  const how = openHow(flags | O_CLOEXEC, resolve);
  for (let i = 0; ; i++) {
    const result = answer(libc().openat2(dir, cString(path), how, how.byteLength));
    if (result !== -EAGAIN || i === DISTURBED) return result;
  }
}

const hows = new Map<number, BigUint64Array>();

/** struct open_how: flags, mode, resolve. The few that occur are kept: making one costs more than the call. */
function openHow(flags: number, resolve: number): BigUint64Array {
  const key = flags * 0x100 + resolve;
  const known = hows.get(key);
  if (known !== undefined) return known;
  const how = new BigUint64Array([BigInt(flags), 0n, BigInt(resolve)]);
  hows.set(key, how);
  return how;
}

/** Linux closes even where it answers with an error, so there is nothing to try again. */
export function close(fd: number): number {
  return answer(libc().close(fd));
}

export function makeDirectoryAt(dir: number, name: ByteString, mode: number): number {
  return answer(libc().mkdirat(dir, cString(name), mode));
}

/** @param mode type and permission bits, such as S_IFCHR | 0o600 */
export function makeNodeAt(dir: number, name: ByteString, mode: number, device: number): number {
  return answer(libc().mknodat(dir, cString(name), mode, device));
}

export function makeSymlinkAt(target: ByteString, dir: number, name: ByteString): number {
  return answer(libc().symlinkat(cString(target), dir, secondCString(name)));
}

/** Does not follow `name` where that is a symlink: the new name is one for the symlink itself. */
export function linkAt(dir: number, name: ByteString, toDir: number, toName: ByteString): number {
  return answer(libc().linkat(dir, cString(name), toDir, secondCString(toName), 0));
}

/** @param flags AT_REMOVEDIR to remove an empty directory */
export function unlinkAt(dir: number, name: ByteString, flags = 0): number {
  return answer(libc().unlinkat(dir, cString(name), flags));
}

export function renameAt(dir: number, name: ByteString, toDir: number, toName: ByteString): number {
  return answer(libc().renameat(dir, cString(name), toDir, secondCString(toName)));
}

/**
 * A device number as mknod(2) takes it, made of the low 32 bits of each number: 12 bits of major and 20 of
 * minor, the minor's upper 12 above the major.
 */
export function deviceNumber(major: number, minor: number): number {
  const low = (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12);
  return low >>> 0;
}

export const S_IFMT: number = constants.S_IFMT;
export const S_IFCHR: number = constants.S_IFCHR;
export const S_IFBLK: number = constants.S_IFBLK;
export const S_IFIFO: number = constants.S_IFIFO;
export const S_IFDIR: number = constants.S_IFDIR;
export const S_IFLNK: number = constants.S_IFLNK;
export const S_IFREG: number = constants.S_IFREG;
export const S_IFSOCK: number = constants.S_IFSOCK;
