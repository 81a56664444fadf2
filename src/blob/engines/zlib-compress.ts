/** gzip by zlib, at the level that Go and gzip(1) use; header without a time. */

import type { Library } from "../../sys/native.js";
import type { Compressor, CompressorEngine } from "./compressors.js";
import { GZIP_WINDOW_BITS, VERSION, Z_BUF_ERROR, Z_OK, Z_STREAM_END, ZStream } from "./zlib.js";

const Z_NO_FLUSH = 0;
const Z_FINISH = 4;
const Z_DEFLATED = 8;
const LEVEL = 6;
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
  return { name: `zlib ${version()} (${where})`, open: () => open(zlib) };
}

function open(zlib: Zlib): Compressor {
  const stream = new ZStream();
  const { bytes } = stream;
  const status = zlib.init(
    bytes,
    LEVEL,
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
