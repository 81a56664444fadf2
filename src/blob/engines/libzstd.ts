/** zstd through its C interface: the copy that Node exports from 22.15 on, or `libzstd.so.1`. */

import { cStruct, type Library, setPointer } from "../../sys/native.js";
import { damaged, type Inflater, type Step } from "../inflater.js";
import { MAX_WINDOW_LOG, type ZstdEngine } from "./zstd.js";

const ZSTD_d_windowLogMax = 100;

interface Zstd {
  create(): bigint;
  free(stream: bigint): number;
  setParameter(stream: bigint, parameter: number, value: number): number;
  decompress(stream: bigint, output: Buffer, input: Buffer): number | bigint;
  isError(code: number | bigint): number;
  errorName(code: number | bigint): string;
}

/** Throws where the library lacks a symbol. */
export function libzstd(library: Library, where: string): ZstdEngine {
  const zstd: Zstd = {
    create: library.func("ZSTD_createDStream", "void *", []),
    free: library.func("ZSTD_freeDStream", "size_t", ["void *"]),
    setParameter: library.func("ZSTD_DCtx_setParameter", "size_t", ["void *", "int", "int"]),
    decompress: library.func("ZSTD_decompressStream", "size_t", ["void *", "void *", "void *"]),
    isError: library.func("ZSTD_isError", "uint", ["size_t"]),
    errorName: library.func("ZSTD_getErrorName", "str", ["size_t"]),
  };
  const version: () => string = library.func("ZSTD_versionString", "str", []);
  return { name: `zstd ${version()} (${where})`, open: (subject) => zstdInflater(zstd, subject) };
}

function zstdInflater(zstd: Zstd, subject: string): Inflater {
  const stream = zstd.create();
  zstd.setParameter(stream, ZSTD_d_windowLogMax, MAX_WINDOW_LOG);
  const inBuffer = new ZstdBuffer();
  const outBuffer = new ZstdBuffer();
  let open = true;
  let offset = 0;
  /** At the end of a frame: the input may end here. */
  let done = false;

  return {
    step(input, output): Step {
      // Without input, the call would begin the next frame.
      if (done && input.length === 0) return { read: 0, written: 0, done };
      inBuffer.set(input);
      outBuffer.set(output);
      const code = zstd.decompress(stream, outBuffer.bytes, inBuffer.bytes);
      const read = inBuffer.position;
      offset += read;
      if (zstd.isError(code)) throw damaged("zstd", subject, offset, zstd.errorName(code));
      done = Number(code) === 0;
      return { read, written: outBuffer.position, done };
    },
    close() {
      if (open) zstd.free(stream);
      open = false;
    },
  };
}

/** ZSTD_inBuffer or ZSTD_outBuffer: pointer, size, position. */
export class ZstdBuffer {
  readonly bytes = cStruct(24);

  set(to: Uint8Array): void {
    setPointer(this.bytes, 0, to);
    this.bytes.writeBigUInt64LE(BigInt(to.length), 8);
    this.bytes.writeBigUInt64LE(0n, 16);
  }

  /** Bytes that the last call took from it, or put into it. */
  get position(): number {
    return Number(this.bytes.readBigUInt64LE(16));
  }
}
