/**
 * First stage of a layer: blob bytes in, tar bytes out.
 *
 * The blob's own digest is checked while it passes, and the tar ends only after that: the stage behind it cannot see
 * the end of a blob that is not what it claims to be.
 */
import type { ByteSource } from "../blob/byte-source.js";
import { decompress, decompressInto } from "../blob/decompress.js";
import { fileSource } from "../blob/file-source.js";
import { ByteLimit } from "../blob/limit.js";
import { verified } from "../blob/verify.js";
import { isAboutContent } from "../errors.js";
import type { BlobInput, DecodeJob, FirstOutcome, Given } from "./job.js";
import { counted, limited } from "./passing.js";
import { Ring, RingAborted } from "./ring.js";

/**
 * For a second stage in another thread: straight into the ring. Throws what verification or decompression found;
 * RingAborted when that stage gave up on a sound blob.
 */
export function decodeIntoRing(job: DecodeJob): FirstOutcome {
  const ring = new Ring(job.ring);
  const limit = new ByteLimit(job.maxBytes, job.input.subject);
  return fromBlob(job, ring, (blob) => {
    decompressInto(blob, job.input.subject, {
      next: () => ring.acquire(),
      publish: (length) => {
        limit.add(length);
        ring.publish(length);
      },
    });
    drain(blob);
    ring.end();
    return { damages: [] };
  });
}

/** For a second stage in this thread. Throws what verification or decompression found, else what `consume` does. */
export function decoded<T>(job: DecodeJob, consume: (tar: ByteSource) => T): Given<T> {
  const { subject } = job.input;
  return fromBlob(job, new Ring(job.ring), (blob) => {
    using tar = decompress(blob, subject);
    return { outcome: { damages: [] }, taken: consume(limited(tar, new ByteLimit(job.maxBytes, subject))) };
  });
}

function fromBlob<T>(job: DecodeJob, ring: Ring, use: (blob: ByteSource) => T): T {
  const { digest, subject } = job.input;
  using input = openInput(job.input);
  const blob = counted(verified(input.source, { digest, size: input.size, subject }), ring);
  try {
    return use(blob);
  } catch (error) {
    ring.abort();
    // A blob that cannot be decompressed, or whose contents the second stage refused, is most often a damaged one:
    // its digest tells, and is the better answer. drain() throws it.
    if (isAboutContent(error) || error instanceof RingAborted) drain(blob);
    throw error;
  }
}

/** Disposed, it tells who brings the bytes that no more are wanted. */
function openInput(input: BlobInput): Disposable & { readonly source: ByteSource; readonly size: number } {
  if ("range" in input) return { source: fileSource(input.range), size: input.range.size, [Symbol.dispose]() {} };
  const arriving = new Ring(input.arriving);
  return { source: arriving.source(), size: input.size, [Symbol.dispose]: () => arriving.abort() };
}

/** Reads to the verified end. Bytes after the compressed stream count for the digest. */
function drain(source: ByteSource): void {
  while (source.read() !== null);
}
