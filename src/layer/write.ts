/** Second thread of a layer that is given back: tar bytes into a file, compressed or not, with its digest. */
import { writeSync } from "node:fs";
import type { ByteSource } from "../blob/byte-source.js";
import { compress } from "../blob/compress.js";
import { hashing } from "../blob/verify.js";
import type { Digest } from "../model/digest.js";
import { asDiffId, diffIdMismatch } from "./check.js";
import type { SecondOutcome, WriteJob } from "./job.js";
import { Ring } from "./ring.js";

/** Throws DIFF_ID_MISMATCH after everything was written: the caller gives the file its name only afterwards. */
export function write(job: WriteJob): SecondOutcome {
  const tar = hashing(new Ring(job.ring).source());
  const blob = job.compression === "none" ? tar : hashing(compress(tar, job.compression));
  copy(blob, job.fd);
  const diffId = asDiffId(tar.digest());
  if (diffId !== job.diffId) throw diffIdMismatch(job.diffId, diffId);
  const digest = blob === tar ? (diffId as string as Digest) : blob.digest();
  const written = { digest, size: blob.bytes };
  return { diffId, tarBytes: tar.bytes, size: 0, entries: 0, warnings: [], written };
}

function copy(source: ByteSource, fd: number): void {
  for (let chunk = source.read(); chunk !== null; chunk = source.read()) {
    for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
  }
}
