/** `tar-split.json.gz` as it is stored: entries encoded, one a line, and compressed. */
import type { SplitSink } from "./disassemble.js";
import { encodeEntry } from "./encode.js";
import type { SplitEntry } from "./entry.js";
import { GzipWriter } from "./gzip-writer.js";

export class TarSplitWriter implements SplitSink, Disposable {
  readonly #gzip: GzipWriter;
  #position = 0;

  /** @param write gets the bytes of the file in order; the array is valid during the call only */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#gzip = new GzipWriter(write);
  }

  add(entry: SplitEntry): void {
    this.#gzip.writeLatin1(encodeEntry(entry, this.#position));
    this.#position++;
  }

  /** Writes what is left. Without it the file is cut short. */
  end(): void {
    this.#gzip.end();
  }

  [Symbol.dispose](): void {
    this.#gzip[Symbol.dispose]();
  }
}
