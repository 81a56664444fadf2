/** write(2) until everything is written. */

import { EINTR } from "./errno.js";
import { answer, libc } from "./libc.js";

/** 0, or `-errno`. The bytes may lie in shared memory; they are not copied. */
export function writeAll(fd: number, bytes: Uint8Array): number {
  for (let rest = bytes; ; ) {
    const written = answer(libc().write(fd, rest, rest.byteLength));
    if (written === rest.byteLength) return 0;
    if (written >= 0) rest = rest.subarray(written);
    else if (written !== -EINTR) return written;
  }
}
