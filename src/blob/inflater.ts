import { OvlError } from "../errors.js";

/** Compressed bytes in, plain bytes out, in pieces whose boundaries mean nothing. */
export interface Inflater {
  /**
   * Takes bytes from the start of input and writes to the start of output, which must not be empty.
   * Without input it gives what it still holds. Both arrays are free again when it returns.
   * Throws BAD_ARCHIVE where the format says that the data cannot be right.
   */
  step(input: Uint8Array, output: Uint8Array): Step;
  /** Gives native memory back. Safe to call twice. */
  close(): void;
}

export interface Step {
  /** Bytes taken from input. */
  readonly read: number;
  /** Bytes written to output. */
  readonly written: number;
  /** Whether the compressed stream is complete if no more input follows. */
  readonly done: boolean;
}

/** BAD_ARCHIVE for compressed data that cannot be decoded; offset counts compressed bytes. */
export function damaged(format: "gzip" | "zstd", subject: string, offset: number, reason: string): OvlError {
  return new OvlError(
    "BAD_ARCHIVE",
    `${subject}: not valid ${format} data near byte ${offset}: ${reason}; fetch it again or make it anew`,
    { subject, format, offset, reason },
  );
}
