/** A tar of which only the headers are wanted, from its tar-split alone: no file of the layer is opened. */
import type { TarSource } from "../tar/input.js";
import type { FileEntry, SplitEntry } from "./entry.js";

/** The tar without contents, which its reader can only pass over: there are as many bytes of them as tar-split says. */
export class HeaderSource implements TarSource {
  /** The reference to content met last; it comes behind the header. */
  file: FileEntry | null = null;
  readonly #entries: Iterator<SplitEntry>;
  #segment: Uint8Array | null = null;

  constructor(entries: Iterable<SplitEntry>) {
    this.#entries = entries[Symbol.iterator]();
  }

  read(): Uint8Array | null {
    for (;;) {
      const segment = this.#segment;
      this.#segment = null;
      if (segment !== null && segment.length > 0) return segment;
      if (!this.#advance()) return null;
    }
  }

  skip(max: number): number {
    if (this.#segment !== null || !this.#advance() || this.#segment !== null) return 0;
    return Math.max(0, Math.min(max, this.file?.size ?? 0));
  }

  /** False at the end. */
  #advance(): boolean {
    const { done, value } = this.#entries.next();
    if (done) return false;
    if (value.type === "file") this.file = value;
    else this.#segment = value.payload;
    return true;
  }
}
