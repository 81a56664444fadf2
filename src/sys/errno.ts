/** The kernel's error numbers by name. Linux gives x64 and arm64 the same ones. */
import { type ErrorFields, osError } from "../errors.js";

export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EIO = 5;
export const E2BIG = 7;
export const EAGAIN = 11;
export const EACCES = 13;
export const EBUSY = 16;
export const EEXIST = 17;
export const EXDEV = 18;
export const ENOTDIR = 20;
export const EISDIR = 21;
export const EINVAL = 22;
export const ENOSPC = 28;
export const EMLINK = 31;
export const ERANGE = 34;
export const ENAMETOOLONG = 36;
export const ENOSYS = 38;
export const ENOTEMPTY = 39;
export const ELOOP = 40;
export const ENODATA = 61;
export const EOPNOTSUPP = 95;
export const ESTALE = 116;

const NAMES =
  /* from 1 */ "EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY " +
  /* 17 */ "EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK " +
  /* 32 */ "EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP";

const BY_NUMBER: ReadonlyMap<number, string> = new Map([
  ...NAMES.split(" ").map((name, i): [number, string] => [i + 1, name]),
  [61, "ENODATA"],
  [71, "EPROTO"],
  [74, "EBADMSG"],
  [75, "EOVERFLOW"],
  [84, "EILSEQ"],
  [95, "ENOTSUP"],
  [110, "ETIMEDOUT"],
  [113, "EHOSTUNREACH"],
  [116, "ESTALE"],
  [117, "EUCLEAN"],
  [121, "EREMOTEIO"],
  [122, "EDQUOT"],
  [125, "ECANCELED"],
]);

/** `ENOSPC` for 28; `errno 4711` for what has no name here. */
export function errnoName(errno: number): string {
  return BY_NUMBER.get(errno) ?? `errno ${errno}`;
}

/**
 * The result of a function of this folder, which answers as the kernel does (`-errno` for a failure), or the
 * failure as an OvlError.
 * @param doing what was being done, in the infinitive
 */
export function must(result: number, doing: string, fields: ErrorFields = {}): number {
  if (result >= 0) return result;
  throw osError(errnoName(-result), doing, fields);
}
