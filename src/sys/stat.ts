/** What an object is: statx(2), whose struct is the same on every architecture. */
import type { ByteString } from "../model/bytes.js";
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "./at.js";
import type { Time } from "./attributes.js";
import { cString } from "./c-string.js";
import { answer, libc } from "./libc.js";

export interface Stat {
  /** Type and permission bits. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** The same for two names of one object on this machine, and for nothing else: device and inode number. */
  readonly identity: string;
  /** Bytes; of a symlink those of its target. */
  readonly size: number;
  /** What it takes on disk, in units of 512 bytes whatever the filesystem's own is. */
  readonly blocks: number;
  readonly atime: Time;
  readonly mtime: Time;
  /** When the inode was last changed: content, attributes, names. Nobody can set it. */
  readonly ctime: Time;
  /** Of a device what it stands for, else 0 and 0. */
  readonly rdevMajor: number;
  readonly rdevMinor: number;
}

/** Everything up to btime: what stat(2) knows. */
const STATX_BASIC_STATS = 0x7ff;
/** In words of 32 bits: a BigInt for each number of 64 would cost as much as the call. */
const words = new Uint32Array(64);
const struct = new Uint8Array(words.buffer);
/** 0o177777: where the struct has two numbers in one word, the first. */
const LOW = 0xffff;

/** An object by name, a symlink itself; or `-errno`. */
export function statAt(dir: number, name: ByteString): Stat | number {
  return read(libc().statx(dir, cString(name), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, struct));
}

/** What kind of object a name is, S_IF*, a symlink itself; or `-errno`. */
export function typeAt(dir: number, name: ByteString): number {
  const result = libc().statx(dir, cString(name), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, struct);
  return result < 0 ? answer(result) : wordAt(28) & S_IFMT;
}

/** What an fd is open on, also with O_PATH; or `-errno`. */
export function statOf(fd: number): Stat | number {
  return read(libc().statx(fd, cString("" as ByteString), AT_EMPTY_PATH, STATX_BASIC_STATS, struct));
}

export function isDirectory(stat: Stat): boolean {
  return (stat.mode & S_IFMT) === S_IFDIR;
}

export function isSymlink(stat: Stat): boolean {
  return (stat.mode & S_IFMT) === S_IFLNK;
}

/** Bytes of a regular file that is open; -1 for anything else. */
export function fileSizeOf(fd: number): number {
  const result = libc().statx(fd, cString("" as ByteString), AT_EMPTY_PATH, STATX_BASIC_STATS, struct);
  return result === 0 && (wordAt(28) & LOW & S_IFMT) === S_IFREG ? numberAt(40) : -1;
}

function read(result: number): Stat | number {
  return result < 0 ? answer(result) : new Found();
}

/** What the struct holds at the moment. */
class Found implements Stat {
  readonly mode = wordAt(28) & LOW;
  readonly nlink = wordAt(16);
  readonly uid = wordAt(20);
  readonly gid = wordAt(24);
  readonly size = numberAt(40);
  readonly blocks = numberAt(48);
  readonly atime: Time = timeAt(64);
  readonly mtime: Time = timeAt(112);
  readonly ctime: Time = timeAt(96);
  readonly rdevMajor = wordAt(128);
  readonly rdevMinor = wordAt(132);
  readonly #devMajor = wordAt(136);
  readonly #devMinor = wordAt(140);
  readonly #inodeLow = wordAt(32);
  readonly #inodeHigh = wordAt(36);

  get identity(): string {
    const inode = (BigInt(this.#inodeHigh) << 32n) + BigInt(this.#inodeLow);
    return `${this.#devMajor}:${this.#devMinor}:${inode}`;
  }
}

function wordAt(offset: number): number {
  return words[offset >> 2] as number;
}

/** Exact up to 2^53, which no size reaches. */
function numberAt(offset: number): number {
  return wordAt(offset + 4) * 2 ** 32 + wordAt(offset);
}

/** struct statx_timestamp: signed 64-bit seconds, 32-bit nanoseconds. */
function timeAt(offset: number): Time {
  return { sec: (wordAt(offset + 4) | 0) * 2 ** 32 + wordAt(offset), nsec: wordAt(offset + 8) };
}
