/** Chance that can be had again: the same seed makes the same input, whatever was made before it. */
export class Random {
  #state: number;

  constructor(seed: number) {
    // Seeds that follow each other must not make inputs that resemble each other (murmur3's finalizer).
    let mixed = (seed ^ 0x9e3779b9) >>> 0;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    this.#state = (mixed ^ (mixed >>> 16)) >>> 0 || 1;
  }

  /** A whole number from 0 up to, without, `end` (xorshift32). */
  below(end: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    this.#state >>>= 0;
    return Math.floor((this.#state / 2 ** 32) * end);
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** So many things, each made anew. */
  some<T>(atMost: number, make: (index: number) => T): T[] {
    return Array.from({ length: this.below(atMost + 1) }, (_, index) => make(index));
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }
}

/** Where arithmetic breaks: the edges of 8, 31, 32, 53, 63 and 64 bits, and of what tar's fields hold. */
export const EDGES: readonly bigint[] = [
  0n,
  1n,
  511n,
  512n,
  513n,
  2n ** 20n,
  2n ** 20n + 1n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  8n ** 11n - 1n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 62n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
  -1n,
  -512n,
  -(2n ** 63n),
];
