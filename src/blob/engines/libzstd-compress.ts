/** zstd by its C interface, at its default level, with the checksum that zstd(1) writes. */

import type { Library } from "../../sys/native.js";
import type { Compressor, CompressorEngine } from "./compressors.js";
import { ZstdBuffer } from "./libzstd.js";

const ZSTD_c_compressionLevel = 100;
const ZSTD_c_checksumFlag = 201;
const ZSTD_e_continue = 0;
const ZSTD_e_end = 2;
const LEVEL = 3;

interface Zstd {
  create(): bigint;
  free(context: bigint): number;
  setParameter(context: bigint, parameter: number, value: number): number;
  compress(context: bigint, output: Buffer, input: Buffer, directive: number): number | bigint;
  isError(code: number | bigint): number;
  errorName(code: number | bigint): string;
}

/** Throws where the library lacks a symbol. */
export function libzstdCompressor(library: Library, where: string): CompressorEngine {
  const zstd: Zstd = {
    create: library.func("ZSTD_createCCtx", "void *", []),
    free: library.func("ZSTD_freeCCtx", "size_t", ["void *"]),
    setParameter: library.func("ZSTD_CCtx_setParameter", "size_t", ["void *", "int", "int"]),
    compress: library.func("ZSTD_compressStream2", "size_t", ["void *", "void *", "void *", "int"]),
    isError: library.func("ZSTD_isError", "uint", ["size_t"]),
    errorName: library.func("ZSTD_getErrorName", "str", ["size_t"]),
  };
  const version: () => string = library.func("ZSTD_versionString", "str", []);
  return { name: `zstd ${version()} (${where})`, open: () => open(zstd) };
}

function open(zstd: Zstd): Compressor {
  const context = zstd.create();
  zstd.setParameter(context, ZSTD_c_compressionLevel, LEVEL);
  zstd.setParameter(context, ZSTD_c_checksumFlag, 1);
  const inBuffer = new ZstdBuffer();
  const outBuffer = new ZstdBuffer();
  let open = true;
  return {
    step(input, output, last) {
      inBuffer.set(input);
      outBuffer.set(output);
      const left = zstd.compress(context, outBuffer.bytes, inBuffer.bytes, last ? ZSTD_e_end : ZSTD_e_continue);
      if (zstd.isError(left)) throw new Error(`ZSTD_compressStream2: ${zstd.errorName(left)}`);
      return { read: inBuffer.position, written: outBuffer.position, done: last && Number(left) === 0 };
    },
    close() {
      if (open) zstd.free(context);
      open = false;
    },
  };
}
