/** Second stage of a layer that is given back: tar bytes into a file, compressed or not, with its digest. */
import type { ByteSource } from "../blob/byte-source.js";
import { compress } from "../blob/compress.js";
import { writeFully } from "../blob/file-sink.js";
import { hashing } from "../blob/verify.js";
import type { Digest } from "../model/digest.js";
import { asDiffId } from "./check.js";
import type { SecondOutcome, WriteJob } from "./job.js";
import { Ring } from "./ring.js";

export function write(job: WriteJob, source: ByteSource): SecondOutcome {
  const ring = new Ring(job.ring);
  const tar = hashing(source);
  const onWait = () => ring.throwIfCancelled();
  if (job.compression === "none") {
    copy(tar, job, onWait);
    const diffId = asDiffId(tar.digest());
    return outcome(diffId, tar.bytes, { digest: diffId as string as Digest, size: tar.bytes });
  }
  using compressed = compress(tar, job.compression);
  const blob = hashing(compressed);
  copy(blob, job, onWait);
  return outcome(asDiffId(tar.digest()), tar.bytes, { digest: blob.digest(), size: blob.bytes });
}

function copy(source: ByteSource, { sink, offset }: WriteJob, onWait: () => void): void {
  let position = offset;
  for (let chunk = source.read(); chunk !== null; chunk = source.read()) {
    writeFully(sink, chunk, position, onWait);
    if (position !== null) position += chunk.length;
  }
}

function outcome(
  diffId: SecondOutcome["diffId"],
  tarBytes: number,
  written: NonNullable<SecondOutcome["written"]>,
): SecondOutcome {
  return { diffId, tarBytes, size: 0, entries: 0, warnings: [], written };
}
