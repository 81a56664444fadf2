/** One object of a union: a name, what it is, and which layer it comes from. */
import { OvlError } from "../errors.js";
import { type ByteString, byteStringOf, displayName } from "../model/bytes.js";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "../sys/at.js";
import { errnoName } from "../sys/errno.js";
import type { Stat } from "../sys/stat.js";

/** `whiteout`, a character device 0:0, occurs in the view of a single layer only. */
export type EntryType = "file" | "directory" | "symlink" | "char" | "block" | "fifo" | "socket" | "whiteout";

export interface Entry {
  /** One component; `.` for the root of the union. */
  readonly name: ByteString;
  readonly type: EntryType;
  readonly stat: Stat;
  /** Place of the serving layer in the union's list: 0 is the top. */
  readonly layer: number;
}

export const SELF: ByteString = byteStringOf(".");

export function entryOf(name: ByteString, stat: Stat, layer: number): Entry {
  return { name, type: typeOf(stat), stat, layer };
}

export function isWhiteout({ mode, rdevMajor, rdevMinor }: Stat): boolean {
  return (mode & S_IFMT) === S_IFCHR && rdevMajor === 0 && rdevMinor === 0;
}

/** Path of something in a directory; paths have no leading slash, and the root is the empty one. */
export function joinPath(directory: ByteString, name: ByteString): ByteString {
  if (name === SELF || name === "") return directory;
  return (directory === "" ? name : `${directory}/${name}`) as ByteString;
}

/** A path of a union as people write it: with a leading slash. */
export function shownPath(path: ByteString): string {
  return displayName(`/${path}` as ByteString);
}

/** The error for an object that is there and cannot be read as what it is. */
export function unreadable(path: ByteString, dir: string, errno: number, what: string): OvlError {
  const name = errnoName(errno);
  const denied = name === "EACCES" || name === "EPERM";
  const hint = denied ? "; run ovl as the owner of the root" : "";
  const fields = { path: shownPath(path), dir, errno: name };
  return new OvlError(
    denied ? "PERMISSION" : "IO",
    `cannot ${what} ${shownPath(path)} in ${dir}: ${name}${hint}`,
    fields,
  );
}

function typeOf(stat: Stat): EntryType {
  switch (stat.mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "symlink";
    case S_IFCHR:
      return isWhiteout(stat) ? "whiteout" : "char";
    case S_IFBLK:
      return "block";
    case S_IFIFO:
      return "fifo";
    default:
      return "socket";
  }
}
