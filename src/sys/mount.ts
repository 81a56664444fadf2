/** mount(2) and umount2(2). Paths and options are bytes. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { ByteString } from "../model/bytes.js";
import { answer, libc } from "./libc.js";

export const MS_RDONLY = 0x1;
export const MS_REMOUNT = 0x20;
export const MS_BIND = 0x1000;
/** Out of the tree at once, gone when the last user is. */
export const MNT_DETACH = 0x2;

/** What mount(2) takes. */
export interface MountCall {
  readonly source: ByteString;
  readonly target: ByteString;
  readonly type: ByteString;
  readonly flags: number;
  readonly options: ByteString;
}

/**
 * `mount` with paths relative to a directory: how the paths of many layers fit into one page. Done by a thread that
 * has a working directory of its own, so that this process's stays where it is. 0 or `-errno`.
 */
export async function mountFrom(directory: ByteString, call: MountCall): Promise<number> {
  const worker = new Worker(new URL("../sys/mount-worker.js", import.meta.url), { workerData: { directory, call } });
  const [result] = (await once(worker, "message")) as [number];
  return result;
}

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

const CLONE_FS = 0x200;

/** Gives this thread a working directory of its own. 0 or `-errno`. */
export function enterAlone(directory: ByteString): number {
  const unshared = answer(libc().unshare(CLONE_FS));
  return unshared < 0 ? unshared : answer(libc().chdir(bytes(directory)));
}

function bytes(text: ByteString): Uint8Array {
  return Buffer.from(`${text}\0`, "latin1");
}
