/**
 * First thread of a layer: blob bytes in, tar bytes out.
 *
 * The blob's own digest is checked while it passes, and the ring is closed only after that: the thread
 * behind it cannot see the end of a blob that is not what it claims to be.
 */
import type { ByteSource } from "../blob/byte-source.js";
import { decompressInto } from "../blob/decompress.js";
import { fileSource } from "../blob/file-source.js";
import { ByteLimit } from "../blob/limit.js";
import { verified } from "../blob/verify.js";
import type { BlobInput, DecodeJob, FirstOutcome } from "./job.js";
import { Ring, RingAborted } from "./ring.js";

/** Throws what verification or decompression found; RingAborted when the consumer gave up on a sound blob. */
export function decode(job: DecodeJob): FirstOutcome {
  const ring = new Ring(job.ring);
  const { digest, subject } = job.input;
  const limit = new ByteLimit(job.maxBytes, subject);
  using input = openInput(job.input);
  const blob = counted(verified(input.source, { digest, size: input.size, subject }), ring);
  try {
    decompressInto(blob, subject, {
      next: () => ring.acquire(),
      publish: (length) => {
        limit.add(length);
        ring.publish(length);
      },
    });
    drain(blob, ring);
    ring.end();
    return { damages: [] };
  } catch (error) {
    ring.abort();
    // A blob that cannot be read, or whose contents the consumer refused, is most often a damaged one:
    // its digest tells, and is the better answer. drain() throws it.
    drain(blob, ring);
    throw error;
  }
}

/** Disposed, it tells who brings the bytes that no more are wanted. */
function openInput(input: BlobInput): Disposable & { readonly source: ByteSource; readonly size: number } {
  if ("range" in input) return { source: fileSource(input.range), size: input.range.size, [Symbol.dispose]() {} };
  const arriving = new Ring(input.arriving);
  return { source: arriving.source(), size: input.size, [Symbol.dispose]: () => arriving.abort() };
}

function counted(source: ByteSource, ring: Ring): ByteSource {
  return {
    read() {
      const chunk = source.read();
      if (chunk !== null) ring.countInput(chunk.length);
      return chunk;
    },
  };
}

/** Reads to the verified end. Bytes after the compressed stream count for the digest. */
function drain(source: ByteSource, ring: Ring): void {
  while (source.read() !== null) if (ring.cancelled) throw new RingAborted();
}
