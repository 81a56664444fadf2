/** What is read of an archive before its layers: bounded, since one document may be named a million times. */
import { OvlError } from "../errors.js";

/**
 * Bytes of manifests and configs together, each counted as often as it is read. A config has some 10 KB: room for
 * thousands of images, and what they take in memory stays below a gigabyte.
 */
const MAX_BYTES = 128 * 1024 * 1024;

export class DocumentBudget {
  readonly #location: string;
  #bytes = 0;

  /** @param location of the archive, for messages */
  constructor(location: string) {
    this.#location = location;
  }

  get isSpent(): boolean {
    return this.#bytes > MAX_BYTES;
  }

  /** Throws BAD_ARCHIVE. */
  spend(bytes: number): void {
    this.#bytes += bytes;
    if (!this.isSpent) return;
    throw new OvlError(
      "BAD_ARCHIVE",
      `${this.#location}: its manifests and configs have more than ${MAX_BYTES} bytes together; ask for one image of it by name, or split it`,
      { limit: MAX_BYTES },
    );
  }
}
