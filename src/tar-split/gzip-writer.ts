/**
 * One gzip member written synchronously and in bounded memory.
 *
 * Node's streams are asynchronous and its synchronous functions want all input at once. So the input is cut
 * into pieces, each deflated by itself with the 32 KiB before it as dictionary and ended by a sync flush,
 * which leaves it on a byte boundary: the pieces in a row are one deflate stream.
 * Formats: RFC 1951, RFC 1952.
 */
import { constants, crc32, deflateRawSync } from "node:zlib";

/** As Go writes it: no name, mtime 0, no extra flags, OS 255. */
const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);
/** The final block, empty: fixed codes, end of block. */
const FINAL_BLOCK = Uint8Array.of(0x03, 0x00);

/** Large enough that setting up a deflater (some 50 us) is lost in the work. */
const PIECE = 256 * 1024;
/** How far back a deflate stream can refer. */
const WINDOW = 32 * 1024;
/**
 * Of the tar-split of 67,000 files (169 MB, tar of 1.2 GB) level 1 makes 10.2 MB in 0.37 s, 3 makes 9.9 MB in
 * 0.37 s, 4 makes 8.6 MB in 0.65 s and 6, which Go takes, 8.0 MB in 0.80 s.
 */
const LEVEL = 3;

export class GzipWriter {
  readonly #write: (bytes: Uint8Array) => void;
  /** The window that went before, then the piece being filled. */
  readonly #buffer = Buffer.alloc(WINDOW + PIECE);
  #window = 0;
  #filled = 0;
  #crc = 0;
  #size = 0;

  /** @param write gets the compressed bytes; the array is its to keep */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
    write(HEADER);
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const room = this.#room();
      const part = bytes.subarray(at, at + room);
      this.#buffer.set(part, WINDOW + this.#filled);
      this.#filled += part.length;
      at += part.length;
    }
  }

  /** Chars of a byte string, without an array of them in between. */
  writeLatin1(text: string): void {
    for (let at = 0; at < text.length; ) {
      const room = this.#room();
      const part = at === 0 && text.length <= room ? text : text.slice(at, at + room);
      this.#filled += this.#buffer.write(part, WINDOW + this.#filled, "latin1");
      at += part.length;
    }
  }

  /** Closes the member. Nothing may be written after it. */
  end(): void {
    this.#flush();
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(this.#crc, 0);
    trailer.writeUInt32LE(this.#size, 4);
    this.#write(FINAL_BLOCK);
    this.#write(trailer);
  }

  #room(): number {
    if (this.#filled === PIECE) this.#flush();
    return PIECE - this.#filled;
  }

  #flush(): void {
    if (this.#filled === 0) return;
    const piece = this.#buffer.subarray(WINDOW, WINDOW + this.#filled);
    const dictionary = this.#buffer.subarray(WINDOW - this.#window, WINDOW);
    this.#crc = crc32(piece, this.#crc);
    this.#size = (this.#size + piece.length) >>> 0;
    this.#write(
      deflateRawSync(piece, {
        level: LEVEL,
        finishFlush: constants.Z_SYNC_FLUSH,
        ...(this.#window > 0 && { dictionary }),
      }),
    );
    // Only the last piece is not full, and after it no window is needed.
    this.#window = this.#filled === PIECE ? WINDOW : 0;
    this.#buffer.copyWithin(0, PIECE, PIECE + WINDOW);
    this.#filled = 0;
  }
}
