/**
 * A tar archive read entry by entry, synchronously, without holding more of it than one header.
 *
 * What is accepted and what is refused is what dockerd 20.10 accepts and refuses. It parses every layer twice
 * at once, with Go 1.19's archive/tar (which extracts) and with tar-split's copy of an older one (which takes
 * notes), and a layer fails when either fails. The two differ in one thing that shows: the former refuses PAX
 * and GNU meta entries above 1 MiB. So that bound, which Go shares with libarchive, is dockerd's too.
 */
import type { ByteSource } from "../blob/byte-source.js";
import { OvlError } from "../errors.js";
import { type ByteString, displayName } from "../model/bytes.js";
import type { TarEntry } from "./entry.js";
import { BLOCK, blockSum, type Draft, FLAG, isHeaderOnly, parseHeader, text } from "./header.js";
import { TarInput, type TarSource } from "./input.js";
import { applyPax, globalName, type PaxRecords, parsePax } from "./pax.js";
import { expand, type Fragment, sparseMap } from "./sparse.js";

/** Bytes that a PAX header or a GNU long name may have: `maxSpecialFileSize` of Go's archive/tar. */
const MAX_META = 1 << 20;

/** Every error is BAD_TAR with the fields `entry` (the last name known, or null) and `offset` (of its header). */
export class TarReader {
  readonly #input: TarInput;
  readonly #onRaw: (bytes: Uint8Array) => void;
  readonly #words = new Uint32Array(BLOCK / 4);
  readonly #block = Buffer.from(this.#words.buffer);
  #meta = Buffer.alloc(0);
  /** Payload bytes and padding bytes of the current entry that are still in the stream. */
  #remaining = 0;
  #padding = 0;
  #payload: ByteSource;
  #name: ByteString | null = null;
  #headerOffset = 0;
  #ended = false;
  #cutPadding = 0;

  /**
   * @param onRaw gets every byte of the archive that is no payload, in order, up to the end-of-archive marker:
   * headers, meta entries, padding. The array is valid during the call only. As in tar-split, the map of a PAX
   * 1.0 sparse file, an incomplete last padding and payload that nobody read are not among them.
   */
  constructor(source: TarSource, onRaw: (bytes: Uint8Array) => void = () => {}) {
    this.#input = new TarInput(source);
    this.#onRaw = onRaw;
    this.#payload = this.#plain;
  }

  /** The next entry; null at the end of the archive. What was not read of the current payload is skipped. */
  next(): TarEntry | null {
    if (this.#ended) return null;
    let pax: PaxRecords | null = null;
    let longName = "";
    let longLink = "";
    for (;;) {
      if (!this.#skip()) return this.#end();
      const header = this.#header();
      if (header === null) return this.#end();
      switch (header.typeFlag) {
        case FLAG.PAX:
          pax = parsePax(this.#metaBody(), this.#fail);
          continue;
        case FLAG.PAX_GLOBAL:
          header.name = globalName(header, parsePax(this.#metaBody(), this.#fail));
          header.size = 0;
          this.#name = header.name;
          return header;
        case FLAG.GNU_LONG_NAME:
          longName = this.#metaText();
          continue;
        case FLAG.GNU_LONG_LINK:
          longLink = this.#metaText();
          continue;
        default:
          if (pax !== null) applyPax(header, pax, this.#fail);
          if (longName !== "") header.name = longName as ByteString;
          if (longLink !== "") header.linkName = longLink as ByteString;
          this.#name = header.name;
          return this.#start(header, pax);
      }
    }
  }

  /** Payload of the current entry, holes filled. The same object serves every entry. */
  payload(): ByteSource {
    return this.#handle;
  }

  /** Passes over what was not read of the current payload, without the bytes where the source has a way. */
  skipPayload(): void {
    this.#payload = this.#plain;
    while (this.#remaining > 0) {
      const skipped = this.#input.skip(this.#remaining);
      if (skipped === 0) throw this.#truncated();
      this.#remaining -= skipped;
    }
  }

  /** Reads the stream to its end, over whatever is left of the archive and after it. */
  drain(onBytes: (bytes: Uint8Array) => void = () => {}): void {
    for (let bytes = this.#input.some(MAX_META); bytes !== null; bytes = this.#input.some(MAX_META)) onBytes(bytes);
    this.#ended = true;
  }

  /** Bytes of an incomplete padding that the archive ended in. dockerd accepts it, and tar-split loses them. */
  get cutPadding(): number {
    return this.#cutPadding;
  }

  /** Payload and size as the final header has them. */
  #start(header: Draft, pax: PaxRecords | null): TarEntry {
    // Archives older than ustar mark directories by the name alone.
    if (header.typeFlag === FLAG.REGULAR_V7 && header.name.endsWith("/")) header.type = "directory";
    this.#expect(header);
    const packed = this.#remaining;
    const map = sparseMap(header, pax, this.#block, this.#mapBlocks, this.#fail);
    this.#payload = map === null ? this.#plain : this.#expanded(map, header.size);
    header.sparse = map !== null && (this.#remaining !== packed || packed !== header.size);
    this.#name = header.name;
    return header;
  }

  #expanded(map: Fragment[], size: number): ByteSource {
    return expand((max) => this.#some(max), map, size, this.#fail);
  }

  readonly #handle: ByteSource = { read: () => this.#payload.read() };
  readonly #plain: ByteSource = { read: () => this.#some(Number.MAX_SAFE_INTEGER) };

  readonly #mapBlocks = {
    payload: (): Buffer => {
      const block = Buffer.alloc(BLOCK);
      for (let filled = 0; filled < BLOCK; ) {
        const bytes = this.#some(BLOCK - filled);
        if (bytes === null) throw this.#fail("sparse map is cut short");
        block.set(bytes, filled);
        filled += bytes.length;
      }
      return block;
    },
    header: (): Buffer => {
      if (this.#input.fill(this.#block) < BLOCK) throw this.#truncated();
      this.#onRaw(this.#block);
      return this.#block;
    },
  };

  /** At most `max` bytes of the payload as it lies in the archive; null at its end. */
  #some(max: number): Uint8Array | null {
    if (this.#remaining === 0) return null;
    const bytes = this.#input.some(Math.min(max, this.#remaining));
    if (bytes === null) throw this.#truncated();
    this.#remaining -= bytes.length;
    return bytes;
  }

  /** Goes to the next header. False where the archive ends without one, which is allowed inside padding. */
  #skip(): boolean {
    this.skipPayload();
    if (this.#padding === 0) return true;
    const padding = this.#block.subarray(0, this.#padding);
    const filled = this.#input.fill(padding);
    if (filled < this.#padding) {
      this.#cutPadding = filled;
      return false;
    }
    this.#padding = 0;
    this.#onRaw(padding);
    return true;
  }

  /** The next header block; null at the end: two zero blocks, one at the end of the stream, or nothing at all. */
  #header(): Draft | null {
    this.#headerOffset = this.#input.offset;
    for (let zeros = 0; ; zeros++) {
      const filled = this.#input.fill(this.#block);
      if (filled === 0) return null;
      if (filled < BLOCK) throw this.#truncated();
      this.#onRaw(this.#block);
      const sum = blockSum(this.#words);
      if (sum !== 0) {
        if (zeros > 0) throw this.#fail("invalid header: one zero block between entries");
        const header = parseHeader(this.#block, sum, this.#fail);
        this.#expect(header);
        return header;
      }
      if (zeros > 0) return null;
    }
  }

  #expect(header: Draft): void {
    const bytes = isHeaderOnly(header.type) ? 0 : header.size;
    if (bytes < 0) throw this.#fail("invalid header: negative size");
    this.#remaining = bytes;
    this.#padding = -bytes & (BLOCK - 1);
  }

  #metaBody(): Buffer {
    const size = this.#remaining;
    if (size > MAX_META) throw this.#fail(`extension header of ${size} bytes, more than the ${MAX_META} allowed`);
    // Most are below 4 KiB; the whole bound is taken when one is not, so that growth cannot be made slow.
    if (this.#meta.length < size) this.#meta = Buffer.alloc(size > 4096 ? MAX_META : 4096);
    const body = this.#meta.subarray(0, size);
    if (this.#input.fill(body) < size) throw this.#truncated();
    this.#remaining = 0;
    this.#onRaw(body);
    return body;
  }

  #metaText(): string {
    const body = this.#metaBody();
    return text(body, 0, body.length);
  }

  #end(): null {
    this.#ended = true;
    return null;
  }

  #truncated(): OvlError {
    return this.#fail(`unexpected end of the archive after ${this.#input.offset} bytes`);
  }

  readonly #fail = (reason: string): OvlError => {
    const entry = this.#name === null ? null : displayName(this.#name);
    const where = entry === null ? "" : `, last entry "${entry}"`;
    return new OvlError("BAD_TAR", `not a valid tar: ${reason} (header at byte ${this.#headerOffset}${where})`, {
      offset: this.#headerOffset,
      entry,
    });
  };
}
