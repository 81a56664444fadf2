/**
 * How much a compressed or sparse layer may become. Its declared size says nothing of that: a kilobyte of zstd makes
 * 32 MiB of zeros, and 1,024 bytes of tar header a sparse file of eight exabytes.
 */
import { type ErrorCode, OvlError } from "../errors.js";

/**
 * Bytes that a layer may unpack to where the user does not say. Far above the layers that registries and disks are
 * made for (the largest public ones, model weights, have some 150 GB), and an end to what has none.
 */
export const MAX_LAYER_BYTES: number = 256 * 2 ** 30;

/** Counts bytes and throws once there are more than `max`: `code`, with the fields `limit` and `subject`. */
export class ByteLimit {
  readonly #max: number;
  readonly #subject: string;
  readonly #code: ErrorCode;
  #bytes = 0;

  /** @param subject what becomes too large, for messages */
  constructor(max: number, subject: string, code: "BAD_TAR" | "BAD_ARCHIVE" = "BAD_TAR") {
    this.#max = max;
    this.#subject = subject;
    this.#code = code;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#max) return;
    throw new OvlError(
      this.#code,
      `${this.#subject} unpacks to more than ${this.#max} bytes; if it is what you expect, --max-layer-size allows more`,
      { subject: this.#subject, limit: this.#max },
    );
  }
}
