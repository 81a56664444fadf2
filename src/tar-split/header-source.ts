/** A tar of which only the headers are wanted, from its tar-split alone: no file of the layer is opened. */
import type { ByteSource } from "../blob/byte-source.js";
import type { FileEntry, SplitEntry } from "./entry.js";

const ZEROS = new Uint8Array(256 * 1024);

/** The tar with zeros for contents. Its reader says of each entry whether the content follows that the header announces. */
export class HeaderSource implements ByteSource {
  hasPayload = false;
  /** The reference to content met last; it comes behind the header. */
  file: FileEntry | null = null;
  readonly #entries: Iterator<SplitEntry>;
  #zeros = 0;

  constructor(entries: Iterable<SplitEntry>) {
    this.#entries = entries[Symbol.iterator]();
  }

  read(): Uint8Array | null {
    for (;;) {
      if (this.#zeros > 0) {
        const zeros = ZEROS.subarray(0, Math.min(this.#zeros, ZEROS.length));
        this.#zeros -= zeros.length;
        return zeros;
      }
      const { done, value } = this.#entries.next();
      if (done) return null;
      if (value.type === "segment" && value.payload.length > 0) return value.payload;
      if (value.type !== "file") continue;
      this.file = value;
      if (this.hasPayload) this.#zeros = value.size;
    }
  }
}
