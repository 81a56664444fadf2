/** Second stage of a layer that is only asked about: what is its DiffID, and is it the one claimed? */
import type { ByteSource } from "../blob/byte-source.js";
import { hashing } from "../blob/verify.js";
import { OvlError } from "../errors.js";
import type { DiffId, Digest } from "../model/digest.js";
import type { CheckJob, SecondOutcome } from "./job.js";

export function check(job: CheckJob, source: ByteSource): SecondOutcome {
  const tar = hashing(source);
  while (tar.read() !== null);
  const diffId = asDiffId(tar.digest());
  if (job.diffId !== null && job.diffId !== diffId) throw diffIdMismatch(job.diffId, diffId);
  return { diffId, tarBytes: tar.bytes, size: 0, entries: 0, warnings: [], written: null };
}

/** The digest of a whole uncompressed layer tar is its DiffID. */
export function asDiffId(digest: Digest): DiffId {
  return digest as string as DiffId;
}

export function diffIdMismatch(expected: DiffId, actual: DiffId, cause?: unknown): OvlError {
  return new OvlError(
    "DIFF_ID_MISMATCH",
    `layer content is not what the image config says: expected diff_id ${expected}, found ${actual}; get the image again`,
    { expected, actual },
    { cause },
  );
}
