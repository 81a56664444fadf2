/**
 * Integrity of blobs. A verifying stage never lets its consumer see the end of a blob that is not what it
 * was claimed to be: it throws instead of returning null.
 */
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import type * as Ssri from "ssri";
import { OvlError } from "../errors.js";
import { algorithmOf, type Digest } from "../model/digest.js";
import type { ByteSource } from "./byte-source.js";

export interface Claim {
  /** null: nothing is claimed, nothing is hashed. */
  readonly digest: Digest | null;
  /** Bytes; null where no size is claimed. */
  readonly size: number | null;
  /** What to call the bytes in messages: `blob sha256:… of app.tar`. */
  readonly subject: string;
}

/**
 * The same bytes, checked. Nothing past the claimed size is passed on or read.
 * Throws SIZE_MISMATCH or DIGEST_MISMATCH with `subject`, `expected` and `actual`, and throws it
 * again when asked again.
 */
export function verified(source: ByteSource, claim: Claim): ByteSource {
  const hash = claim.digest === null ? null : hasher(algorithmOf(claim.digest));
  const limit = claim.size ?? Number.POSITIVE_INFINITY;
  let seen = 0;
  let outcome: OvlError | "sound" | null = null;

  function conclude(mismatch: OvlError | null): null {
    outcome = mismatch ?? "sound";
    if (mismatch !== null) throw mismatch;
    return null;
  }
  return {
    read() {
      if (outcome === "sound") return null;
      if (outcome !== null) throw outcome;
      const chunk = source.read();
      if (chunk === null) return conclude(sizeMismatch(claim, seen) ?? digestMismatch(claim, hash?.digest() ?? null));
      seen += chunk.length;
      if (seen > limit) return conclude(sizeMismatch(claim, seen));
      hash?.update(chunk);
      return chunk;
    },
  };
}

/** Checks a small document (manifest, config) that is in memory. Throws as `verified` does. */
export function verifyBytes(bytes: Uint8Array, claim: Claim): void {
  const mismatch = sizeMismatch(claim, bytes.length);
  if (mismatch !== null) throw mismatch;
  if (claim.digest === null) return;
  const algorithm = algorithmOf(claim.digest);
  const actual = `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}` as Digest;
  const wrong = digestMismatch(claim, actual);
  if (wrong !== null) throw wrong;
}

export interface HashingSource extends ByteSource {
  /** Bytes passed so far. */
  readonly bytes: number;
  /** SHA-256 of the bytes passed so far; ends the hashing, so call it once, after the end. */
  digest(): Digest;
}

/** The same bytes, hashed while they pass. */
export function hashing(source: ByteSource): HashingSource {
  const hash = hasher("sha256");
  let bytes = 0;
  return {
    read() {
      const chunk = source.read();
      if (chunk === null) return null;
      bytes += chunk.length;
      hash.update(chunk);
      return chunk;
    },
    get bytes() {
      return bytes;
    },
    digest: () => hash.digest(),
  };
}

let loaded: typeof Ssri | null = null;

/** ssri, loaded with the first stream: its 20 ms are not for a pull of what is there. */
function ssri(): typeof Ssri {
  loaded ??= createRequire(import.meta.url)("ssri") as typeof Ssri;
  return loaded;
}

/** ssri hashes 1 MiB chunks as fast as node:crypto below it: 1.4 GB/s either way on a core with SHA extensions. */
function hasher(algorithm: "sha256" | "sha512"): { update(bytes: Uint8Array): void; digest(): Digest } {
  const stream = ssri().create({ algorithms: [algorithm] });
  return {
    update: (bytes) => void stream.update(bytes),
    // @types/ssri takes the result for a Buffer.
    digest: () => `${algorithm}:${(stream.digest() as unknown as Ssri.Integrity).hexDigest()}` as Digest,
  };
}

function sizeMismatch(claim: Claim, actual: number): OvlError | null {
  const { subject, size } = claim;
  if (size === null || actual === size) return null;
  const found = actual > size ? "is longer" : `has ${actual}`;
  return new OvlError("SIZE_MISMATCH", `${subject}: expected ${size} bytes, but it ${found}; fetch it again`, {
    subject,
    expected: size,
    actual,
  });
}

function digestMismatch(claim: Claim, actual: Digest | null): OvlError | null {
  const { subject, digest } = claim;
  if (digest === null || actual === null) return null;
  // Both are lower case and of one algorithm, which is the claim's.
  if (actual === digest) return null;
  return new OvlError(
    "DIGEST_MISMATCH",
    `${subject}: expected ${digest}, but its bytes hash to ${actual}; fetch it again`,
    {
      subject,
      expected: digest,
      actual,
    },
  );
}
