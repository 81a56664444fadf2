/** Shared libraries and their structs: the only place that loads koffi. */
import { createRequire } from "node:module";
import type * as Koffi from "koffi";

export type Library = Koffi.LibraryHandle;

let loaded: typeof Koffi | null = null;

/** koffi, loaded with the first call of C: its 12 ms are not every command's. */
export function koffi(): typeof Koffi {
  loaded ??= createRequire(import.meta.url)("koffi") as typeof Koffi;
  return loaded;
}

/**
 * A shared library, or with null the process itself; null where there is none of this name.
 * A library keeps to its own symbols: Node exports those of its zlib and zstd, and a `libz.so.1` whose
 * calls to itself ended up in Node's other version corrupted memory.
 */
export function libraryOf(name: string | null): Library | null {
  try {
    return name === null ? koffi().load(null) : koffi().load(name, { deep: true });
  } catch {
    return null;
  }
}

/**
 * A zeroed C struct as bytes, its fields set by offset; fields are those of the little-endian LP64
 * platforms that Node on Linux has. Outside the pool and the JavaScript heap, since C keeps its address.
 */
export function cStruct(size: number): Buffer {
  return Buffer.allocUnsafeSlow(size).fill(0);
}

/** Sets a pointer field. The address is good for as long as `to` is referenced. */
export function setPointer(struct: Buffer, offset: number, to: Uint8Array): void {
  struct.writeBigUInt64LE(koffi().address(to), offset);
}
