/** What the two stages of a layer are told and what they answer. Plain data: it crosses by structured clone. */
import type { FileRange } from "../blob/byte-source.js";
import type { FileSink } from "../blob/file-sink.js";
import type { ErrorCode, ErrorData } from "../errors.js";
import type { ByteString } from "../model/bytes.js";
import type { DiffId, Digest } from "../model/digest.js";

/** What a blob claims to be. */
export interface BlobClaim {
  /** null where the source claims none (docker archives). */
  readonly digest: Digest | null;
  /** What to call the blob in messages. */
  readonly subject: string;
}

/** A blob in a file, or one that another thread brings through a ring of its own while it arrives. */
export type BlobInput = BlobClaim &
  ({ readonly range: FileRange } | { readonly arriving: SharedArrayBuffer; readonly size: number });

/** What every stage is told by the pipeline. */
export interface SharedJob {
  /** What the stages pass the tar through, where they run in two threads; by it they are also called off. */
  readonly ring: SharedArrayBuffer;
  /** Bytes that the layer's tar may have, and that the files in it may have together. */
  readonly maxBytes: number;
}

/** First stage: a blob read, verified and decompressed. */
export interface DecodeJob extends SharedJob {
  readonly stage: "decode";
  readonly input: BlobInput;
}

/** First stage: a stored layer put together again from tar-split and its files. */
export interface AssembleJob extends SharedJob {
  readonly stage: "assemble";
  /** Path of tar-split.json.gz. */
  readonly tarSplit: string;
  /** Directory of the layer's files. */
  readonly directory: string;
  /** What to call the layer in messages. */
  readonly subject: string;
}

/** First stage: a container's own layer as the tar that a commit makes a layer of. */
export interface PackJob extends SharedJob {
  readonly stage: "pack";
  /** Directory of the layer's files. */
  readonly directory: string;
  /** Opaque directories are marked by `user.overlay.opaque`: the layer was made without root's rights. */
  readonly userXattrs: boolean;
}

/** Second stage: hash, split, apply. */
export interface ExtractJob extends SharedJob {
  readonly stage: "extract";
  /** null: whatever it turns out to be. */
  readonly diffId: DiffId | null;
  /** Directory that the layer's files go into; exists and is empty. */
  readonly directory: string;
  /** File to write tar-split to; must not exist. */
  readonly tarSplit: string;
  /** Refuse what could not be given back, and what dockerd merely contains, instead of warning. */
  readonly strict: boolean;
}

/** Second stage: hash only, to know whether a layer is what its image says. */
export interface CheckJob extends SharedJob {
  readonly stage: "check";
  readonly diffId: DiffId | null;
}

/** Second stage: hash, and list what is in it. */
export interface ListJob extends SharedJob {
  readonly stage: "list";
  readonly diffId: DiffId | null;
}

/** One entry of a layer's tar, as far as it tells what the layer spends on what. */
export interface ListedEntry {
  /** Cleaned, without leading slash; whiteouts under their name in the tar. */
  readonly path: ByteString;
  readonly kind: "file" | "link" | "directory" | "other";
  /** Bytes of a file's content, else 0. */
  readonly size: number;
  /** Of a file's content, in hex; empty where there is none. */
  readonly crc64: string;
  /** Of a hard link, as `path`; else null. */
  readonly target: ByteString | null;
}

/**
 * Second stage: hash and write to a file, as it is or compressed. Whether the DiffID is right is for the caller to say.
 */
export interface WriteJob extends SharedJob {
  readonly stage: "write";
  /** Open for writing. Not owned. */
  readonly sink: FileSink;
  /** Where the first byte goes; null: at the current position, as into a pipe. */
  readonly offset: number | null;
  readonly compression: LayerCompression;
}

export type LayerCompression = "none" | "gzip" | "zstd";

export type FirstJob = DecodeJob | AssembleJob | PackJob;
export type SecondJob = ExtractJob | CheckJob | ListJob | WriteJob;

/** Both stages of a layer in one thread. */
export interface WholeJob {
  readonly stage: "whole";
  readonly first: FirstJob;
  readonly second: SecondJob;
}

export type StageJob = FirstJob | SecondJob | WholeJob;

/** Something that a user should know and that stops nothing. */
export interface LayerWarning {
  readonly code: string;
  /** The entry it is about, fit for display: the first of `count` of this kind. */
  readonly name: string;
  readonly message: string;
  readonly count: number;
}

/** A file of a stored layer whose content is not what the layer had. */
export interface LayerDamage {
  readonly code: ErrorCode;
  /** Path in the layer, fit for display. */
  readonly path: string;
  /** `crc64:<16 hex>`, `<decimal> bytes` where only that differs, or "a readable file". */
  readonly expected: string;
  /** As `expected`, or why it could not be read: the name of an errno, or a few words. */
  readonly actual: string;
  readonly message: string;
}

/** What came out of the first stage. */
export interface FirstOutcome {
  readonly damages: readonly LayerDamage[];
}

/** What came of a first stage, and of what took its tar. */
export interface Given<T> {
  readonly outcome: FirstOutcome;
  readonly taken: T;
}

/** What came out of the second stage. */
export interface SecondOutcome {
  readonly diffId: DiffId;
  /** Bytes of the uncompressed tar. */
  readonly tarBytes: number;
  /** What docker's `size` file says; 0 but for an extraction. */
  readonly size: number;
  /** Entries of the tar; 0 but for an extraction. */
  readonly entries: number;
  readonly warnings: readonly LayerWarning[];
  /** What was written, after compression; null but for `write`. */
  readonly written: { readonly digest: Digest; readonly size: number } | null;
  /** Of `list` only, in the tar's order. */
  readonly listed?: readonly ListedEntry[];
}

export type LayerOutcome = FirstOutcome & SecondOutcome;

export type StageAnswer =
  | { readonly ok: true; readonly outcome: FirstOutcome | SecondOutcome }
  | { readonly ok: false; readonly error: ErrorData; readonly aborted: boolean };
