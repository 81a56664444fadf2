/** mount(2) and umount2(2). Paths and options are bytes. */
import type { ByteString } from "../model/bytes.js";
import { answer, libc } from "./libc.js";

export const MS_RDONLY = 0x1;
export const MS_REMOUNT = 0x20;
export const MS_BIND = 0x1000;
export const MS_REC = 0x4000;
export const MS_PRIVATE = 0x40000;
export const MS_SLAVE = 0x80000;
/** Out of the tree at once, gone when the last user is. */
export const MNT_DETACH = 0x2;

/** @param options at most a page, with its NUL. 0 or `-errno`. */
export function mount(
  source: ByteString,
  target: ByteString,
  type: ByteString,
  flags: number,
  options: ByteString,
): number {
  return answer(libc().mount(bytes(source), bytes(target), bytes(type), flags, bytes(options)));
}

/** 0 or `-errno`. */
export function unmount(target: ByteString, flags: number): number {
  return answer(libc().umount2(bytes(target), flags));
}

function bytes(text: ByteString): Uint8Array {
  return Buffer.from(`${text}\0`, "latin1");
}
