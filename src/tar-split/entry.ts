/**
 * What a tar-split file is made of: the bytes of a tar in order, those of files' contents replaced by a
 * reference to the file. Format: vbatts/tar-split, tar/storage/entry.go.
 */
import type { ByteString } from "../model/bytes.js";

export type SplitEntry = SegmentEntry | FileEntry;

/** Raw bytes: headers, padding, the end-of-archive marker and what follows it. */
export interface SegmentEntry {
  readonly type: "segment";
  readonly payload: Uint8Array;
}

/** One entry of the tar, whatever its type. Its content is read from below the layer's directory when size is not 0. */
export interface FileEntry {
  readonly type: "file";
  /** Name as in the tar, after PAX and GNU extensions. */
  readonly name: ByteString;
  /** Size of the header in bytes: not 0 for some entries that have no content, and then nothing can be assembled. */
  readonly size: number;
  /** 8 bytes, big-endian, CRC-64 (ISO) of the content; null for size 0. */
  readonly crc64: Uint8Array | null;
}
