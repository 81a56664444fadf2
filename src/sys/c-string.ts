/** Names on their way to C: bytes with a NUL behind them. */
import { osError } from "../errors.js";
import type { ByteString } from "../model/bytes.js";

/** PATH_MAX: longer paths fail with ENAMETOOLONG, which is for the kernel to say. */
const ROOM = 4096;

const first = Buffer.alloc(ROOM + 1);
const second = Buffer.alloc(ROOM + 1);

/** The name for the call that follows at once: the bytes are overwritten by the next `cString`. */
export function cString(name: ByteString): Uint8Array {
  return terminated(name, first);
}

/** The second name of a call that takes two. */
export function secondCString(name: ByteString): Uint8Array {
  return terminated(name, second);
}

function terminated(name: ByteString, scratch: Buffer): Uint8Array {
  // C would see a shorter, another name.
  if (name.includes("\0")) throw osError("EINVAL", "use a name that has a NUL byte in it");
  if (name.length > ROOM) return Buffer.from(`${name}\0`, "latin1");
  const end = scratch.write(name, 0, "latin1");
  scratch[end] = 0;
  return scratch;
}
