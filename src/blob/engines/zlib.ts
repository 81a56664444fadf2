/**
 * zlib through its C interface: the copy that Node exports, or `libz.so.1`. Node's own zlib module has no
 * synchronous streams, and this one writes straight into shared memory.
 * `z_stream` as zlib.h declares it since 1.2, on LP64.
 */
import type { DeflateEngine, MemberDecoder, MemberStep } from "./deflate.js";
import { cStruct, koffi, type Library, setPointer } from "./koffi.js";

const NEXT_IN = 0;
const AVAIL_IN = 8;
const NEXT_OUT = 24;
const AVAIL_OUT = 32;
const MSG = 48;
const STREAM_BYTES = 112;

const Z_NO_FLUSH = 0;
const Z_OK = 0;
const Z_STREAM_END = 1;
/** Not an error: there was nothing to take or no room to give. */
const Z_BUF_ERROR = -5;
/** A window of 32 KiB, and the gzip format only. */
const GZIP_WINDOW_BITS = 15 + 16;
/** inflateInit compares the first character with its own. */
const VERSION = Buffer.from("1.2.11\0");
/** The shortest header: it makes zlib check the trailer, while the real header was read before. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

interface Zlib {
  init(stream: Buffer, windowBits: number, version: Buffer, size: number): number;
  reset(stream: Buffer): number;
  inflate(stream: Buffer, flush: number): number;
  end(stream: Buffer): number;
}

/** Throws where the library lacks a symbol. */
export function zlibDeflate(library: Library, where: string): DeflateEngine {
  const zlib: Zlib = {
    init: library.func("inflateInit2_", "int", ["void *", "int", "void *", "int"]),
    reset: library.func("inflateReset", "int", ["void *"]),
    inflate: library.func("inflate", "int", ["void *", "int"]),
    end: library.func("inflateEnd", "int", ["void *"]),
  };
  const version: () => string = library.func("zlibVersion", "str", []);
  return { name: `zlib ${version()} (${where})`, open: () => zlibDecoder(zlib) };
}

function zlibDecoder(zlib: Zlib): MemberDecoder {
  const stream = cStruct(STREAM_BYTES);
  const nothing = Buffer.alloc(1);
  let open = zlib.init(stream, GZIP_WINDOW_BITS, VERSION, STREAM_BYTES) === Z_OK;
  if (!open) throw new Error("inflateInit2_ failed");

  function run(input: Uint8Array, output: Uint8Array): MemberStep {
    setPointer(stream, NEXT_IN, input);
    stream.writeUInt32LE(input.length, AVAIL_IN);
    setPointer(stream, NEXT_OUT, output);
    stream.writeUInt32LE(output.length, AVAIL_OUT);
    const status = zlib.inflate(stream, Z_NO_FLUSH);
    return {
      read: input.length - stream.readUInt32LE(AVAIL_IN),
      written: output.length - stream.readUInt32LE(AVAIL_OUT),
      end: status === Z_STREAM_END,
      problem: status >= Z_OK || status === Z_BUF_ERROR ? null : message(stream, status),
    };
  }
  return {
    start() {
      zlib.reset(stream);
      run(HEADER, nothing);
    },
    step: run,
    close() {
      if (open) zlib.end(stream);
      open = false;
    },
  };
}

function message(stream: Buffer, status: number): string {
  const address = stream.readBigUInt64LE(MSG);
  return address === 0n ? `error ${status}` : koffi().decode.string(address);
}
