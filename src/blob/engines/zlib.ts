/**
 * zlib through its C interface: the copy that Node exports, or `libz.so.1`. Node's own zlib module has no
 * synchronous streams, and this one writes straight into shared memory.
 */

import { cStruct, koffi, type Library, setPointer } from "../../sys/native.js";
import type { DeflateEngine, MemberDecoder, MemberStep } from "./deflate.js";

export const Z_OK = 0;
export const Z_STREAM_END = 1;
/** Not an error: there was nothing to take or no room to give. */
export const Z_BUF_ERROR = -5;
const Z_NO_FLUSH = 0;
/** A window of 32 KiB, and the gzip format only. */
export const GZIP_WINDOW_BITS = 15 + 16;
/** The functions that start a stream compare the first character with their own. */
export const VERSION = Buffer.from("1.2.11\0");
/** The shortest header: it makes zlib check the trailer, while the real header was read before. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/** `z_stream` as zlib.h declares it since 1.2, on LP64. */
export class ZStream {
  readonly bytes = cStruct(112);
  #given = 0;
  #room = 0;

  set(input: Uint8Array, output: Uint8Array): void {
    setPointer(this.bytes, 0, input);
    this.bytes.writeUInt32LE((this.#given = input.length), 8);
    setPointer(this.bytes, 24, output);
    this.bytes.writeUInt32LE((this.#room = output.length), 32);
  }

  /** Bytes that the last call took. */
  get read(): number {
    return this.#given - this.bytes.readUInt32LE(8);
  }

  /** Bytes that the last call gave. */
  get written(): number {
    return this.#room - this.bytes.readUInt32LE(32);
  }

  /** What zlib says of a negative status. */
  message(status: number): string {
    const address = this.bytes.readBigUInt64LE(48);
    return address === 0n ? `error ${status}` : koffi().decode.string(address);
  }
}

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
  const stream = new ZStream();
  const { bytes } = stream;
  const nothing = Buffer.alloc(1);
  const status = zlib.init(bytes, GZIP_WINDOW_BITS, VERSION, bytes.length);
  if (status !== Z_OK) throw new Error(`inflateInit2_: ${status}`);
  let open = true;

  function step(input: Uint8Array, output: Uint8Array): MemberStep {
    stream.set(input, output);
    const status = zlib.inflate(bytes, Z_NO_FLUSH);
    return {
      read: stream.read,
      written: stream.written,
      end: status === Z_STREAM_END,
      problem: status >= Z_OK || status === Z_BUF_ERROR ? null : stream.message(status),
    };
  }
  return {
    start() {
      zlib.reset(bytes);
      step(HEADER, nothing);
    },
    step,
    close() {
      if (open) zlib.end(bytes);
      open = false;
    },
  };
}
