/**
 * What is in a directory and where a symlink leads, by open directories: node:fs takes paths only, and reading a
 * directory by its path changes its access time.
 */
import { constants } from "node:fs";
import { type ByteString, byteString } from "../model/bytes.js";
import { close, openAt } from "./at.js";
import { cString } from "./c-string.js";
import { EPERM } from "./errno.js";
import { answer, libc } from "./libc.js";

const { O_DIRECTORY, O_NOATIME, O_NOFOLLOW, O_RDONLY } = constants;

/** The names in a directory, unsorted, without `.` and `..`; or `-errno`. `dir` may be open by O_PATH. */
export function namesAt(dir: number): ByteString[] | number {
  const fd = openQuietlyAt(dir, "." as ByteString, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return fd;
  try {
    const names: ByteString[] = [];
    const end = eachName(fd, (name) => names.push(name));
    return end < 0 ? end : names;
  } finally {
    close(fd);
  }
}

/** What a directory says that a name in it is, without a look at the object itself. */
export type NameType = "directory" | "file" | "symlink" | "other" | "unknown";

/** The names in a directory that is open for reading, with their types, in no order; or `-errno`. */
export function typedNamesOf(fd: number): [name: ByteString, type: NameType][] | number {
  const names: [ByteString, NameType][] = [];
  const end = eachName(fd, (name, type) => names.push([name, TYPES[type] ?? "other"]));
  return end < 0 ? end : names;
}

/** DT_* of dirent.h; some filesystems leave it at 0. */
const TYPES: Readonly<Record<number, NameType>> = { 0: "unknown", 4: "directory", 8: "file", 10: "symlink" };

/** `openAt` that leaves the access time as it is, where that may be asked for: by the owner and by root. */
export function openQuietlyAt(dir: number, name: ByteString, flags: number): number {
  const fd = openAt(dir, name, flags | O_NOFOLLOW | O_NOATIME);
  return fd === -EPERM ? openAt(dir, name, flags | O_NOFOLLOW) : fd;
}

/** The target of a symlink; or `-errno`. */
export function readLinkAt(dir: number, name: ByteString): ByteString | number {
  const length = answer(libc().readlinkat(dir, cString(name), target, target.byteLength));
  return length < 0 ? length : byteString(target.subarray(0, length));
}

/** PATH_MAX: no target is longer. */
const target = Buffer.alloc(4096);
/** What the C library asks for at once. */
const listing = Buffer.alloc(32 * 1024);

/**
 * Gives all names but `.` and `..`; 0 or `-errno`. struct linux_dirent64: 64-bit inode and offset, 16-bit length of the
 * record, type, name with a NUL behind it.
 */
function eachName(fd: number, take: (name: ByteString, type: number) => void): number {
  for (;;) {
    const length = answer(libc().getdents64(fd, listing, listing.byteLength));
    if (length <= 0) return length;
    for (let at = 0; at < length; at += listing.readUInt16LE(at + 16)) {
      const start = at + 19;
      const name = listing.toString("latin1", start, listing.indexOf(0, start)) as ByteString;
      if (name !== "." && name !== "..") take(name, listing[at + 18] as number);
    }
  }
}
