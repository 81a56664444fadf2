/**
 * A pipe, socket or device as a synchronous source that seldom blocks: it is read ahead while the event loop runs.
 *
 * Nothing here waits in a thread of libuv: a thread that waits in read(2), as `fs.read` has it, would keep the
 * process from exiting for as long as the other end stays silent.
 */
import { readSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import type { ByteSource } from "../blob/byte-source.js";
import { asOvlError } from "../errors.js";
import { waitReadable } from "../sys/poll.js";

/** The size of a Linux pipe: what one read gives at most. */
const CHUNK_BYTES = 64 * 1024;
/** Bytes kept ready: more than a decoder takes in for the 256 KiB that it gives at once. */
const AHEAD_BYTES = 512 * 1024;
/** Milliseconds between two turns of the event loop while the other end is silent. */
const TURN_MS = 10;

export class PipeSource implements ByteSource {
  readonly #fd: number;
  readonly #most: number;
  readonly #ahead: Uint8Array[] = [];
  #aheadBytes = 0;
  #ended = false;

  /** @param most bytes to keep ready, but for the rest of a chunk */
  constructor(fd: number, most: number = AHEAD_BYTES) {
    this.#fd = fd;
    this.#most = most;
  }

  /** Resolves when enough is read ahead, or everything. Signals are heard meanwhile. */
  async ready(): Promise<void> {
    while (!this.#ended && this.#aheadBytes < this.#most) {
      const chunk = this.#next();
      if (chunk === null) await setImmediate();
      else {
        this.#ahead.push(chunk);
        this.#aheadBytes += chunk.length;
      }
    }
  }

  read(): Uint8Array | null {
    for (;;) {
      const chunk = this.#ahead.shift();
      if (chunk !== undefined) this.#aheadBytes -= chunk.length;
      const bytes = chunk ?? this.#next();
      if (bytes !== null || this.#ended) return bytes;
    }
  }

  /** What there is within a turn; null where there is nothing yet, or nothing more. */
  #next(): Uint8Array | null {
    if (this.#ended || !waitReadable(this.#fd, TURN_MS)) return null;
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    try {
      const length = readSync(this.#fd, buffer, 0, CHUNK_BYTES, null);
      this.#ended = length === 0;
      return length === 0 ? null : buffer.subarray(0, length);
    } catch (error) {
      // Somebody else who shares the descriptor was faster.
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return null;
      throw asOvlError(error);
    }
  }
}
