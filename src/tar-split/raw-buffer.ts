/** Bytes collected from small pieces, up to a bound. */
export class RawBuffer {
  readonly #max: number;
  readonly #onFull: (bytes: Uint8Array) => void;
  #buffer = Buffer.alloc(16 * 1024);
  #length = 0;

  /** @param onFull gets what is there when `max` bytes are; the array is valid during the call only */
  constructor(max: number, onFull: (bytes: Uint8Array) => void) {
    this.#max = max;
    this.#onFull = onFull;
  }

  get length(): number {
    return this.#length;
  }

  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + this.#max - this.#length);
      this.#reserve(this.#length + part.length);
      this.#buffer.set(part, this.#length);
      this.#length += part.length;
      at += part.length;
      if (this.#length === this.#max) this.#onFull(this.take());
    }
  }

  /** What was collected, which then starts anew. Valid until the next `add`. */
  take(): Uint8Array {
    const bytes = this.#buffer.subarray(0, this.#length);
    this.#length = 0;
    return bytes;
  }

  #reserve(length: number): void {
    if (length <= this.#buffer.length) return;
    const larger = Buffer.alloc(Math.min(this.#max, Math.max(length, 2 * this.#buffer.length)));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}
