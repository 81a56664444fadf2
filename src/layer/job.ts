/** What a layer's two threads are told and what they answer. Plain data: it crosses by structured clone. */
import type { FileRange } from "../blob/byte-source.js";
import type { ErrorData } from "../errors.js";
import type { DiffId, Digest } from "../model/digest.js";

/** A blob as it is stored, and what it claims to be. */
export interface BlobInput {
  readonly range: FileRange;
  /** null where the source claims none (docker archives). */
  readonly digest: Digest | null;
  /** What to call the blob in messages. */
  readonly subject: string;
}

/** First thread: read, verify, decompress. */
export interface DecodeJob {
  readonly stage: "decode";
  readonly ring: SharedArrayBuffer;
  readonly input: BlobInput;
}

/** Second thread: hash, split, apply. */
export interface ExtractJob {
  readonly stage: "extract";
  readonly ring: SharedArrayBuffer;
  readonly diffId: DiffId;
  /** Directory that the layer's files go into; exists and is empty. */
  readonly directory: string;
  /** File to write tar-split to; must not exist. */
  readonly tarSplit: string;
  /** Refuse what could not be given back, and what dockerd merely contains, instead of warning. */
  readonly strict: boolean;
}

/** Second thread: hash only, to know whether a layer is what its image says. */
export interface CheckJob {
  readonly stage: "check";
  readonly ring: SharedArrayBuffer;
  readonly diffId: DiffId | null;
}

export type StageJob = DecodeJob | ExtractJob | CheckJob;

/** Something that a user should know and that stops nothing. */
export interface LayerWarning {
  readonly code: string;
  /** The entry it is about, fit for display; null when about the whole layer. */
  readonly name: string | null;
  readonly message: string;
}

/** What came out of the second thread. */
export interface LayerOutcome {
  readonly diffId: DiffId;
  /** Bytes of the uncompressed tar. */
  readonly tarBytes: number;
  /** What docker's `size` file says: on-disk-format §2.5. 0 for a check. */
  readonly size: number;
  /** Entries of the tar. 0 for a check. */
  readonly entries: number;
  readonly warnings: readonly LayerWarning[];
}

export type StageAnswer =
  | { readonly ok: true; readonly outcome: LayerOutcome | null }
  | { readonly ok: false; readonly error: ErrorData; readonly aborted: boolean };
