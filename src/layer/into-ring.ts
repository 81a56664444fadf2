/** Bytes made in one thread for the next: a tar's headers have 512 bytes, files often less; many go into one slot. */
import type { ByteSource } from "../blob/byte-source.js";
import type { ByteLimit } from "../blob/limit.js";
import type { Ring } from "./ring.js";

/** To the end. Throws RingAborted, and what the limit does. */
export function intoRing(source: ByteSource, ring: Ring, limit: ByteLimit): void {
  let slot = ring.acquire();
  let used = 0;
  for (let chunk = source.read(); chunk !== null; chunk = source.read()) {
    limit.add(chunk.length);
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + slot.length - used);
      ring.countInput(part.length);
      slot.set(part, used);
      at += part.length;
      used += part.length;
      if (used < slot.length) continue;
      ring.publish(used);
      slot = ring.acquire();
      used = 0;
    }
  }
  if (used > 0) ring.publish(used);
  ring.end();
}
