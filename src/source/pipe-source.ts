/** A pipe, terminal or device as a synchronous source that seldom blocks: it is read ahead asynchronously. */
import { read, readSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import type { ByteSource } from "../blob/byte-source.js";
import { asOvlError } from "../errors.js";

const readAsync = promisify(read);

/** The size of a Linux pipe: what one read gives at most. */
const CHUNK_BYTES = 64 * 1024;
/** Bytes kept ready: more than a decoder takes in for the 256 KiB that it gives at once. */
const AHEAD_BYTES = 512 * 1024;
/** Milliseconds between two tries where the other end has made the descriptor non-blocking. */
const RETRY_MS = 5;

export class PipeSource implements ByteSource {
  readonly #fd: number;
  readonly #ahead: Uint8Array[] = [];
  #aheadBytes = 0;
  #ended = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Resolves when enough is read ahead, or everything. The event loop runs meanwhile, so signals are heard. */
  async ready(): Promise<void> {
    while (!this.#ended && this.#aheadBytes < AHEAD_BYTES) {
      const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      const length = await this.#attempt(() => readAsync(this.#fd, buffer, 0, CHUNK_BYTES, null));
      if (length === null) await setTimeout(RETRY_MS);
      else if (length.bytesRead === 0) this.#ended = true;
      else {
        this.#ahead.push(buffer.subarray(0, length.bytesRead));
        this.#aheadBytes += length.bytesRead;
      }
    }
  }

  read(): Uint8Array | null {
    const chunk = this.#ahead.shift();
    if (chunk !== undefined) {
      this.#aheadBytes -= chunk.length;
      return chunk;
    }
    return this.#ended ? null : this.#readBlocking();
  }

  #readBlocking(): Uint8Array | null {
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    for (;;) {
      try {
        const length = readSync(this.#fd, buffer, 0, CHUNK_BYTES, null);
        this.#ended = length === 0;
        return length === 0 ? null : buffer.subarray(0, length);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw asOvlError(error);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
      }
    }
  }

  /** null where there is nothing to read just now. */
  async #attempt<T>(attempt: () => Promise<T>): Promise<T | null> {
    try {
      return await attempt();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return null;
      throw asOvlError(error);
    }
  }
}
