/** gzip by zlib, where it is to be small at the level that Go and gzip(1) use. */

import type { Library } from "../../sys/native.js";
import type { Compressor, CompressorEngine, Effort } from "./compressors.js";
import { GZIP_WINDOW_BITS, VERSION, Z_BUF_ERROR, Z_OK, Z_STREAM_END, ZStream } from "./zlib.js";

const Z_NO_FLUSH = 0;
const Z_FINISH = 4;
const Z_DEFLATED = 8;
/**
 * Of the tar-split of 67,000 files (169 MB, tar of 1.2 GB) level 1 makes 10.2 MB in 0.37 s, 3 makes 9.9 MB in 0.37 s,
 * 4 makes 8.6 MB in 0.65 s and 6 makes 8.0 MB in 0.80 s.
 */
const LEVELS: Readonly<Record<Effort, number>> = { small: 6, fast: 3 };
const DEFAULT_MEMORY = 8;
const DEFAULT_STRATEGY = 0;

interface Zlib {
  init(
    stream: Buffer,
    level: number,
    method: number,
    bits: number,
    memory: number,
    strategy: number,
    version: Buffer,
    size: number,
  ): number;
  deflate(stream: Buffer, flush: number): number;
  end(stream: Buffer): number;
}

/** Throws where the library lacks a symbol. */
export function zlibCompressor(library: Library, where: string): CompressorEngine {
  const zlib: Zlib = {
    init: library.func("deflateInit2_", "int", ["void *", "int", "int", "int", "int", "int", "void *", "int"]),
    deflate: library.func("deflate", "int", ["void *", "int"]),
    end: library.func("deflateEnd", "int", ["void *"]),
  };
  const version: () => string = library.func("zlibVersion", "str", []);
  return { name: `zlib ${version()} (${where})`, open: (effort = "small") => open(zlib, LEVELS[effort]) };
}

function open(zlib: Zlib, level: number): Compressor {
  const stream = new ZStream();
  const { bytes } = stream;
  const status = zlib.init(
    bytes,
    level,
    Z_DEFLATED,
    GZIP_WINDOW_BITS,
    DEFAULT_MEMORY,
    DEFAULT_STRATEGY,
    VERSION,
    bytes.length,
  );
  if (status !== Z_OK) throw new Error(`deflateInit2_: ${status}`);
  let open = true;
  return {
    step(input, output, last) {
      stream.set(input, output);
      const status = zlib.deflate(bytes, last ? Z_FINISH : Z_NO_FLUSH);
      if (status < Z_OK && status !== Z_BUF_ERROR) throw new Error(`deflate: ${stream.message(status)}`);
      return { read: stream.read, written: stream.written, done: status === Z_STREAM_END };
    },
    close() {
      if (open) zlib.end(bytes);
      open = false;
    },
  };
}
