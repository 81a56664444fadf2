/** What an object is: statx(2), whose struct is the same on every architecture. */
import type { ByteString } from "../model/bytes.js";
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, S_IFDIR, S_IFLNK, S_IFMT } from "./at.js";
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
const struct = Buffer.alloc(256);

/** An object by name, a symlink itself; or `-errno`. */
export function statAt(dir: number, name: ByteString): Stat | number {
  return read(libc().statx(dir, cString(name), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, struct));
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

function read(result: number): Stat | number {
  if (result < 0) return answer(result);
  return {
    mode: struct.readUInt16LE(28),
    nlink: struct.readUInt32LE(16),
    uid: struct.readUInt32LE(20),
    gid: struct.readUInt32LE(24),
    identity: `${struct.readUInt32LE(136)}:${struct.readUInt32LE(140)}:${struct.readBigUInt64LE(32)}`,
    size: Number(struct.readBigUInt64LE(40)),
    blocks: Number(struct.readBigUInt64LE(48)),
    atime: timeAt(64),
    mtime: timeAt(112),
    ctime: timeAt(96),
    rdevMajor: struct.readUInt32LE(128),
    rdevMinor: struct.readUInt32LE(132),
  };
}

/** struct statx_timestamp: signed 64-bit seconds, 32-bit nanoseconds. */
function timeAt(offset: number): Time {
  return { sec: Number(struct.readBigInt64LE(offset)), nsec: struct.readUInt32LE(offset + 8) };
}
