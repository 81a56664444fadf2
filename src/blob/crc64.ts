/**
 * CRC-64/GO-ISO, the checksum of tar-split: polynomial 0x1B reflected (0xD800000000000000), initial value
 * and final complement all ones.
 */
import { allOf, bestOf, type Candidate } from "./engines/choice.js";
import { ISAL, isalCrc64 } from "./engines/isal.js";
import { wasmCrc64 } from "./engines/wasm-crc64.js";

export interface Crc64 {
  /** Of any length; the array is free again when it returns. */
  update(bytes: Uint8Array): void;
  /** Of all bytes since the last reset: 8 bytes, big-endian. */
  digest(): Uint8Array;
  /** Back to the checksum of nothing. */
  reset(): void;
}

export interface Crc64Engine {
  /** For people: `isa-l`. */
  readonly name: string;
  create(): Crc64;
}

const CANDIDATES: readonly Candidate<Crc64Engine>[] = [{ library: ISAL, load: isalCrc64 }];

let chosen: Crc64Engine | null = null;

/** Makes checksums with the fastest engine that works here: ISA-L, else WebAssembly (hash-wasm). */
export async function loadCrc64(): Promise<() => Crc64> {
  return (await crc64Engine()).create;
}

/** The engine of this process, chosen once. */
export async function crc64Engine(): Promise<Crc64Engine> {
  chosen ??= bestOf(CANDIDATES, passesSelfTest) ?? (await wasmCrc64());
  return chosen;
}

/** Every engine that works here, best first. */
export async function crc64Engines(): Promise<Crc64Engine[]> {
  return [...allOf(CANDIDATES, passesSelfTest), await wasmCrc64()];
}

/** The catalogue's check value, taken in two parts. */
function passesSelfTest(engine: Crc64Engine): boolean {
  const crc = engine.create();
  crc.update(Buffer.from("1234"));
  crc.update(Buffer.from("56789"));
  return Buffer.from(crc.digest()).toString("hex") === "b90956c775a41001";
}
