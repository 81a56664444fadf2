/**
 * Whatever dockerd would take for a layer, as its plain bytes. The format is what the first bytes say;
 * names and media types are not asked, as dockerd does not ask them.
 */
import { OvlError } from "../errors.js";
import type { ByteSource } from "./byte-source.js";
import { type Compression, detectCompression, MAGIC_BYTES } from "./compression.js";
import { gzipEngine } from "./engines/gzip-engine.js";
import { zstdEngine } from "./engines/zstd-engine.js";
import { gzipInflater } from "./gzip.js";
import { damaged, type Inflater } from "./inflater.js";

/** Bytes a read of a decompressed source; as large as what is read, for the same reason. */
const OUTPUT_BYTES = 256 * 1024;

/** Where decompressed bytes go without being copied. */
export interface Sink {
  /** A buffer to fill; it is asked for again after each `publish`. */
  next(): Uint8Array;
  /** The first `length` bytes of that buffer are filled; at least one. All of it, but at the end. */
  publish(length: number): void;
}

/**
 * Decompresses a whole source into the buffers of a sink, and reads the source to its end.
 * Throws BAD_ARCHIVE for damaged data, UNSUPPORTED_MEDIA_TYPE for bzip2 and xz, and what the source throws.
 * @param subject what to call the data in errors
 */
export function decompressInto(source: ByteSource, subject: string, sink: Sink): void {
  const { inflater, compression, rest } = open(source, subject);
  try {
    const fill = filler(inflater, compression, rest, subject);
    for (;;) {
      const buffer = sink.next();
      const length = fill(buffer);
      if (length > 0) sink.publish(length);
      if (length < buffer.length) return;
    }
  } finally {
    inflater.close();
  }
}

/**
 * The decompressed bytes of a source; errors as of `decompressInto`, thrown from `read`, and again when asked again.
 * Native memory is given back at the end and on an error; dispose a source that is left before its end.
 */
export function decompress(source: ByteSource, subject: string): ByteSource & Disposable {
  let opened: ReturnType<typeof open> | null = null;
  let fill: Filler | null = null;
  let output: Uint8Array | null = null;
  let ended = false;
  let failure: unknown = null;

  function close(): void {
    ended = true;
    opened?.inflater.close();
  }
  function next(): Uint8Array | null {
    opened ??= open(source, subject);
    if (opened.compression === "none") return opened.rest.read();
    fill ??= filler(opened.inflater, opened.compression, opened.rest, subject);
    output ??= new Uint8Array(OUTPUT_BYTES);
    const length = fill(output);
    return length === 0 ? null : output.subarray(0, length);
  }
  return {
    read() {
      if (failure !== null) throw failure;
      if (ended) return null;
      try {
        const chunk = next();
        if (chunk === null) close();
        return chunk;
      } catch (error) {
        close();
        throw (failure = error);
      }
    },
    [Symbol.dispose]: close,
  };
}

function open(source: ByteSource, subject: string) {
  const { first, rest } = peek(source);
  const compression = detectCompression(first);
  return { inflater: inflaterFor(compression, subject), compression, rest };
}

function inflaterFor(compression: Compression, subject: string): Inflater {
  switch (compression) {
    case "none":
      return stored();
    case "gzip":
      return gzipInflater(gzipEngine(), subject);
    case "zstd":
      return zstdEngine().open(subject);
    case "bzip2":
    case "xz":
      throw new OvlError(
        "UNSUPPORTED_MEDIA_TYPE",
        `${subject} is compressed with ${compression}, which ovl does not read; recompress it with gzip or zstd`,
        { subject, expected: ["none", "gzip", "zstd"], actual: compression },
      );
  }
}

/** Fills a buffer as far as the stream goes; less than the whole buffer only at the end. */
type Filler = (output: Uint8Array) => number;

function filler(inflater: Inflater, compression: Compression, source: ByteSource, subject: string): Filler {
  let input: Uint8Array = new Uint8Array(0);
  let inputEnded = false;
  let done = compression === "none";
  let consumed = 0;

  return (output) => {
    let filled = 0;
    while (filled < output.length) {
      const step = inflater.step(input, output.subarray(filled));
      input = input.subarray(step.read);
      consumed += step.read;
      filled += step.written;
      done = step.done;
      if (step.read > 0 || step.written > 0) continue;
      if (input.length > 0) throw new OvlError("INTERNAL", `${subject}: the ${compression} decoder takes no input`);
      const next = inputEnded ? null : source.read();
      if (next !== null) {
        input = next;
        continue;
      }
      inputEnded = true;
      if (!done && (compression === "gzip" || compression === "zstd")) {
        throw damaged(compression, subject, consumed, "unexpected end of data");
      }
      return filled;
    }
    return filled;
  };
}

function stored(): Inflater {
  return {
    step(input, output) {
      const length = Math.min(input.length, output.length);
      output.set(input.subarray(0, length));
      return { read: length, written: length, done: true };
    },
    close() {},
  };
}

/** The first bytes of a source, at least enough to tell its format, and a source that still has them. */
function peek(source: ByteSource): { first: Uint8Array; rest: ByteSource } {
  let first: Uint8Array | null = source.read();
  while (first !== null && first.length < MAGIC_BYTES) {
    const kept: Buffer = Buffer.from(first);
    const next = source.read();
    if (next === null) return { first: kept, rest: before(kept, null) };
    first = Buffer.concat([kept, next]);
  }
  return { first: first ?? new Uint8Array(0), rest: before(first, source) };
}

function before(first: Uint8Array | null, source: ByteSource | null): ByteSource {
  let pending = first;
  return {
    read() {
      if (pending === null) return source?.read() ?? null;
      const chunk = pending;
      pending = null;
      return chunk;
    },
  };
}
