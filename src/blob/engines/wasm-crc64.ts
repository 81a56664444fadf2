import type { Crc64, Crc64Engine } from "../crc64.js";

/** Polynomial 0x1B, reflected. */
const ISO = "d800000000000000";

/**
 * hash-wasm's CRC-64: 1.1 GB/s on any machine, where ISA-L does 40.
 * Instances can only be made asynchronously, so all checksums share one and take turns.
 */
export async function wasmCrc64(): Promise<Crc64Engine> {
  const { createCRC64 } = await import("hash-wasm");
  const shared = await createCRC64(ISO);
  const initial = shared.init().save();
  let inside: WasmCrc64 | null = null;

  class WasmCrc64 implements Crc64 {
    /** Valid while another checksum is inside. */
    #state = initial;

    update(bytes: Uint8Array): void {
      this.#enter();
      shared.update(bytes);
    }
    digest(): Uint8Array {
      this.#enter();
      this.#state = shared.save(); // digest() ends the instance's work
      inside = null;
      return shared.digest("binary");
    }
    reset(): void {
      this.#state = initial;
      if (inside === this) inside = null;
    }
    #enter(): void {
      if (inside === this) return;
      if (inside !== null) inside.#state = shared.save();
      shared.load(this.#state);
      inside = this;
    }
  }
  return { name: "hash-wasm", create: () => new WasmCrc64() };
}
