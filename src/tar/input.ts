/** Bytes of a stream taken in the pieces that a tar is made of, whatever the chunks they come in. */
import type { ByteSource } from "../blob/byte-source.js";

export interface TarSource extends ByteSource {
  /** Passes over at most `max` (> 0) bytes that nobody wants, and says over how many; 0 where they are to be read. */
  skip?(max: number): number;
}

export class TarInput {
  readonly #source: TarSource;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  #taken = 0;

  constructor(source: TarSource) {
    this.#source = source;
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#taken;
  }

  /** The next bytes where they lie, at most `max` (> 0) of them; null at the end. Valid until the next call. */
  some(max: number): Uint8Array | null {
    if (this.#at === this.#chunk.length) {
      const chunk = this.#source.read();
      if (chunk === null) return null;
      this.#chunk = chunk;
      this.#at = 0;
    }
    const end = Math.min(this.#at + max, this.#chunk.length);
    const bytes = this.#chunk.subarray(this.#at, end);
    this.#taken += end - this.#at;
    this.#at = end;
    return bytes;
  }

  /** Passes over at most `max` (> 0) bytes and says over how many; 0 at the end. */
  skip(max: number): number {
    const skipped = this.#at === this.#chunk.length ? (this.#source.skip?.(max) ?? 0) : 0;
    if (skipped === 0) return this.some(max)?.length ?? 0;
    this.#taken += skipped;
    return skipped;
  }

  /** Fills a buffer and says how many bytes there were: fewer than it has room for only at the end. */
  fill(target: Uint8Array): number {
    let filled = 0;
    while (filled < target.length) {
      const bytes = this.some(target.length - filled);
      if (bytes === null) break;
      target.set(bytes, filled);
      filled += bytes.length;
    }
    return filled;
  }
}
