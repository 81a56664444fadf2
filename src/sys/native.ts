/** Shared libraries and their structs: the only place that loads koffi. */
import { createRequire } from "node:module";
import type * as Koffi from "koffi";
import { OvlError, osError } from "../errors.js";

export type Library = Koffi.LibraryHandle;

let loaded: typeof Koffi | null = null;

/**
 * koffi, loaded with the first call of C: its 12 ms are not every command's. Throws IO as `libraryOf` does, and where
 * its native half, an optional package of each platform, is not there.
 */
export function koffi(): typeof Koffi {
  if (loaded !== null) return loaded;
  try {
    return (loaded = createRequire(import.meta.url)("koffi") as typeof Koffi);
  } catch (thrown) {
    throw ownLimit(thrown, "koffi") ?? notInstalled(thrown);
  }
}

/**
 * A shared library, or with null the process itself; null where there is none of this name. Throws IO where this
 * process could not look, since it has no descriptors or no memory left: that says nothing of the library.
 * A library keeps to its own symbols: Node exports those of its zlib and zstd, and a `libz.so.1` whose
 * calls to itself ended up in Node's other version corrupted memory.
 */
export function libraryOf(name: string | null): Library | null {
  try {
    return name === null ? koffi().load(null) : koffi().load(name, { deep: true });
  } catch (thrown) {
    const limit = thrown instanceof OvlError ? thrown : ownLimit(thrown, name ?? "the process itself");
    if (limit !== null) throw limit;
    return null;
  }
}

/** The texts of strerror(3), which is all that dlopen(3) tells; Node and the C library never translate them. */
const LIMITS: Readonly<Record<string, RegExp>> = {
  EMFILE: /EMFILE|too many open files(?! in system)/i,
  ENFILE: /ENFILE|too many open files in system/i,
  ENOMEM: /ENOMEM|cannot allocate memory/i,
};

function ownLimit(thrown: unknown, what: string): OvlError | null {
  for (const [errno, text] of Object.entries(LIMITS)) {
    if (text.test(String(thrown))) return osError(errno, `load ${what}`);
  }
  return null;
}

function notInstalled(cause: unknown): OvlError {
  const [why] = String(cause).split("\n");
  const platform = `${process.platform}-${process.arch}`;
  const remedy = "install ovl again on this machine, optional packages too (npm: --include=optional)";
  return new OvlError("IO", `cannot load koffi for ${platform}: ${why}; ${remedy}`, { platform }, { cause });
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
