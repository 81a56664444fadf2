/**
 * Bytes in order, pulled synchronously. Every stage between a file and a layer (read, verify, decompress,
 * split, apply) is one of these; they run in worker threads, where blocking is the simplest back-pressure.
 */
export interface ByteSource {
  /**
   * The next bytes, at least one; null at the end, and again null after that.
   * The array is valid until the next call: a stage that keeps bytes copies them.
   * A stage that verifies throws instead of returning null when what passed was not what was claimed.
   */
  read(): Uint8Array | null;
}

/** Bytes that arrive from elsewhere while they are worked on: a blob on its way from a registry. */
export interface ByteStream {
  /** Length that is expected, in bytes. */
  readonly size: number;
  /** The bytes in order; each call brings them anew. A chunk is valid until the next one is asked for. */
  chunks(signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Where a blob's bytes lie: a range of an open file. Positions are absolute; the fd is not owned. */
export interface FileRange {
  readonly fd: number;
  /** Byte offset of the first byte in the file. */
  readonly offset: number;
  /** Length in bytes. */
  readonly size: number;
}
