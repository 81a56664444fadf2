/** What every first stage does to the bytes that pass: count them, hold them to a limit, gather small ones. */
import type { ByteSource } from "../blob/byte-source.js";
import type { ByteLimit } from "../blob/limit.js";
import type { Ring } from "./ring.js";

/** Throws RingAborted once the work is called off. */
export function stoppable(source: ByteSource, ring: Ring): ByteSource {
  return {
    read() {
      ring.throwIfCancelled();
      return source.read();
    },
  };
}

/** Counted for the display as read, and stoppable. */
export function counted(source: ByteSource, ring: Ring): ByteSource {
  const bytes = stoppable(source, ring);
  return {
    read() {
      const chunk = bytes.read();
      if (chunk !== null) ring.countInput(chunk.length);
      return chunk;
    },
  };
}

/** Throws what the limit does, and again when it is asked again: who meets it must not take it for the end. */
export function limited(source: ByteSource, limit: ByteLimit): ByteSource {
  return {
    read() {
      const chunk = source.read();
      limit.add(chunk?.length ?? 0);
      return chunk;
    },
  };
}

/** Bytes that are worth a call of whoever hashes and writes them. */
const GATHERED_BYTES = 64 * 1024;

/** Small pieces become larger ones, large ones pass as they are: a tar's headers have 512 bytes, files often less. */
export function gathered(source: ByteSource): ByteSource {
  const buffer = Buffer.allocUnsafeSlow(GATHERED_BYTES);
  let waiting: Uint8Array | null = null;
  return {
    read() {
      let used = 0;
      for (;;) {
        const chunk = waiting ?? source.read();
        waiting = null;
        if (chunk === null) return used === 0 ? null : buffer.subarray(0, used);
        if (used + chunk.length > buffer.length) {
          if (used === 0) return chunk;
          waiting = chunk;
          return buffer.subarray(0, used);
        }
        buffer.set(chunk, used);
        used += chunk.length;
      }
    },
  };
}

/** Into the slots of a ring, each filled but the last, to the end. Throws RingAborted. */
export function intoRing(source: ByteSource, ring: Ring): void {
  let slot = ring.acquire();
  let used = 0;
  for (let chunk = source.read(); chunk !== null; chunk = source.read()) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + slot.length - used);
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
