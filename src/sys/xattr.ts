/**
 * Extended attributes. Names and values are bytes. "at" functions reach an object by its name in an open
 * directory, without following it, through that directory's link in /proc: Linux before 6.13 has no other way.
 */
import type { ByteString } from "../model/bytes.js";
import { byteString, byteStringOf } from "../model/bytes.js";
import { cString, secondCString } from "./c-string.js";
import { ENODATA, ERANGE } from "./errno.js";
import { answer, libc } from "./libc.js";

/** 0 or `-errno`. */
export function setXattr(fd: number, name: ByteString, value: Uint8Array): number {
  return answer(libc().fsetxattr(fd, cString(name), value, value.byteLength, 0));
}

/** 0 or `-errno`. */
export function setXattrAt(dir: number, file: ByteString, name: ByteString, value: Uint8Array): number {
  return answer(libc().lsetxattr(cString(throughProc(dir, file)), secondCString(name), value, value.byteLength, 0));
}

/** Of what an fd is open on, also with O_PATH. 0 or `-errno`. */
export function setXattrOfPathFd(fd: number, name: ByteString, value: Uint8Array): number {
  return answer(libc().setxattr(cString(procLink(fd)), secondCString(name), value, value.byteLength, 0));
}

/** The value; null where there is none of this name; or `-errno`. The path's last component is not followed. */
export function getXattr(path: ByteString, name: ByteString): Uint8Array | null | number {
  const value = sized((room) => answer(libc().lgetxattr(cString(path), secondCString(name), room, room.byteLength)));
  return value === -ENODATA ? null : value;
}

/** `getXattr` of an object in an open directory. */
export function getXattrAt(dir: number, file: ByteString, name: ByteString): Uint8Array | null | number {
  return getXattr(throughProc(dir, file), name);
}

/** The names an object has, in the kernel's order; or `-errno`. The path's last component is not followed. */
export function listXattrs(path: ByteString): ByteString[] | number {
  const names = sized((room) => answer(libc().llistxattr(cString(path), room, room.byteLength)));
  if (typeof names === "number") return names;
  return byteString(names).split("\0").slice(0, -1) as ByteString[];
}

/** `listXattrs` of an object in an open directory. */
export function listXattrsAt(dir: number, file: ByteString): ByteString[] | number {
  return listXattrs(throughProc(dir, file));
}

/** 0 or `-errno`. */
export function removeXattr(path: ByteString, name: ByteString): number {
  return answer(libc().lremovexattr(cString(path), secondCString(name)));
}

/** The path of what an fd is open on, for calls that take no fd. */
export function procLink(fd: number): ByteString {
  return byteStringOf(`/proc/self/fd/${fd}`);
}

function throughProc(dir: number, file: ByteString): ByteString {
  return `${procLink(dir)}/${file}` as ByteString;
}

/** Values and lists are 64 KiB at most, and nearly always far below this. */
const guess = Buffer.alloc(256);

function sized(get: (room: Uint8Array) => number): Uint8Array | number {
  let room: Uint8Array = guess;
  for (;;) {
    const length = get(room);
    if (length >= 0) return Uint8Array.prototype.slice.call(room, 0, length);
    if (length !== -ERANGE || room.byteLength > 65536) return length;
    room = Buffer.alloc(65537);
  }
}
