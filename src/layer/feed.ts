/** Brings the bytes of a stream into a ring while they arrive, for the thread that decodes them. */
import type { ByteStream } from "../blob/byte-source.js";
import { asOvlError, type OvlError } from "../errors.js";
import { type Ring, RingAborted } from "./ring.js";

export class Feed {
  readonly ring: Ring;
  readonly #stop = new AbortController();
  /** Never rejects. */
  readonly #done: Promise<OvlError | null>;

  constructor(stream: ByteStream, ring: Ring) {
    this.ring = ring;
    this.#done = this.#bring(stream);
  }

  /** Both ends stop. */
  cancel(): void {
    this.#stop.abort();
    this.ring.cancel();
  }

  /**
   * After the reader has finished, or could not begin: what kept bytes from being brought, if anything did. Whoever
   * never opened the ring has not told that nothing more is wanted, so it is told here.
   */
  async end(): Promise<OvlError | null> {
    this.#stop.abort();
    this.ring.abort();
    return this.#done;
  }

  async #bring(stream: ByteStream): Promise<OvlError | null> {
    try {
      for await (const chunk of stream.chunks(this.#stop.signal)) await this.ring.push(chunk);
      this.ring.end();
      return null;
    } catch (thrown) {
      const unwanted = this.#stop.signal.aborted || thrown instanceof RingAborted;
      this.ring.abort();
      return unwanted ? null : asOvlError(thrown);
    }
  }
}
