/** One entry of a tar archive, after PAX and GNU extension headers have been applied. */
import type { ByteString } from "../model/bytes.js";

/** Seconds since 1970 (may be negative) and nanoseconds 0..999999999. */
export interface TarTime {
  readonly sec: number;
  readonly nsec: number;
}

/**
 * Entries that a layer may have. Their names are kept, to know one that comes again, and take some 150 bytes each, long
 * ones too; 2 GiB of headers, which this is, are 64 KiB of zstd. The largest images of all have
 * some hundred thousand files.
 */
export const MAX_ENTRIES: number = 2 ** 22;

/** What kind of object an entry makes. `global` is a PAX global header, which makes none. */
export type TarType = "file" | "hardlink" | "symlink" | "char" | "block" | "directory" | "fifo" | "global" | "unknown";

export interface TarEntry {
  /** Name as in the archive: `./` and a directory's trailing `/` are kept. */
  readonly name: ByteString;
  readonly linkName: ByteString;
  readonly type: TarType;
  /** The raw type flag byte as the header had it (NUL for v7 files), for messages. */
  readonly typeFlag: number;
  /** All mode bits of the header. */
  readonly mode: number;
  /**
   * Ids as in the header; may be negative or above 2^32. Above 2^53 only the low 32 bits, which chown takes, are left.
   */
  readonly uid: number;
  readonly gid: number;
  /**
   * Size field of the header in bytes (for sparse files: the expanded size), also for types that have no payload:
   * then anything, negative too, and rounded above 2^53.
   */
  readonly size: number;
  readonly mtime: TarTime;
  /** null where the archive does not say. */
  readonly atime: TarTime | null;
  readonly devMajor: number;
  readonly devMinor: number;
  /** `SCHILY.xattr.*` records: name without the prefix, value bytes. Empty values are absent. */
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
  /** Has holes, or its map in its payload: the payload is delivered expanded, and tar-split cannot give it back. */
  readonly sparse: boolean;
}
