/** Byte sources over bytes that are already there, cut where a test wants them cut. */
import type { ByteSource } from "../../src/blob/byte-source.js";

/**
 * Bytes in chunks of a size, or of sizes used in turn. Every chunk is delivered in the same memory, which is
 * overwritten by the next: what keeps a chunk without copying it is found out.
 */
export function sourceOf(bytes: Uint8Array, ...sizes: number[]): ByteSource {
  const memory = new Uint8Array(Math.max(1, ...(sizes.length > 0 ? sizes : [bytes.length])));
  let at = 0;
  let turn = 0;
  return {
    read() {
      memory.fill(0xee);
      if (at === bytes.length) return null;
      const size = sizes.length > 0 ? (sizes[turn++ % sizes.length] as number) : bytes.length;
      const chunk = bytes.subarray(at, at + size);
      at += chunk.length;
      memory.set(chunk);
      return memory.subarray(0, chunk.length);
    },
  };
}

/** Everything that a source has. */
export function readAll(source: ByteSource): Buffer {
  const chunks: Buffer[] = [];
  for (let chunk = source.read(); chunk !== null; chunk = source.read()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
