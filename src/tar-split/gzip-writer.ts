/** One gzip member written synchronously, text after text, in bounded memory. Format: RFC 1952. */
import { type Compressor, compressorFor } from "../blob/engines/compressors.js";

/** As Go writes it, whatever the compressor does: no name, no time, no extra flags, no operating system. */
const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);

/** Bytes that go into the compressor and come out of it at a time. */
const PIECE = 64 * 1024;

/** Dispose it also where `end` was not reached: the compressor has native memory. */
export class GzipWriter implements Disposable {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #compressor: Compressor = compressorFor("gzip").open("fast");
  readonly #input = Buffer.allocUnsafeSlow(PIECE);
  readonly #output = Buffer.allocUnsafeSlow(PIECE);
  #filled = 0;
  #headerBytes = 0;

  /** @param write gets the compressed bytes; the array is valid during the call only */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  /** Chars of a byte string, without an array of them in between. */
  writeLatin1(text: string): void {
    for (let at = 0; at < text.length; ) {
      if (this.#filled === PIECE) this.#compress(false);
      const room = PIECE - this.#filled;
      const part = at === 0 && text.length <= room ? text : text.slice(at, at + room);
      this.#filled += this.#input.write(part, this.#filled, "latin1");
      at += part.length;
    }
  }

  /** Closes the member. Nothing may be written after it. */
  end(): void {
    this.#compress(true);
  }

  [Symbol.dispose](): void {
    this.#compressor.close();
  }

  #compress(last: boolean): void {
    for (let rest = this.#input.subarray(0, this.#filled), done = false; rest.length > 0 || (last && !done); ) {
      const step = this.#compressor.step(rest, this.#output, last);
      rest = rest.subarray(step.read);
      done = step.done;
      this.#emit(this.#output.subarray(0, step.written));
    }
    this.#filled = 0;
  }

  #emit(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length && this.#headerBytes < HEADER.length; i++) {
      bytes[i] = HEADER[this.#headerBytes++] as number;
    }
    if (bytes.length > 0) this.#write(bytes);
  }
}
