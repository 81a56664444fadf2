/**
 * A tar taken apart while it is read: entry for entry what vbatts/tar-split, as dockerd 20.10 carries it,
 * writes for the same bytes (its tar/asm/disassemble.go).
 */
import type { ByteSource } from "../blob/byte-source.js";
import type { Crc64 } from "../blob/crc64.js";
import { OvlError } from "../errors.js";
import { type ByteString, displayName } from "../model/bytes.js";
import { cleanPath } from "../tar/clean.js";
import { MAX_ENTRIES, type TarEntry } from "../tar/entry.js";
import { TarReader } from "../tar/reader.js";
import type { SplitEntry } from "./entry.js";
import { type Irreproducible, irreproducible } from "./irreproducible.js";
import { RawBuffer } from "./raw-buffer.js";
import { SeenPaths } from "./seen-paths.js";

/** Where the entries go. Arrays in them are valid during the call only. */
export interface SplitSink {
  add(entry: SplitEntry): void;
}

export interface SplitSummary {
  /** Entries of the tar, PAX global headers included. */
  readonly entries: number;
  /** What could never be given back, the first `MAX_FINDINGS` of it. Empty: the layer can be rebuilt. */
  readonly irreproducible: readonly Irreproducible[];
}

export const MAX_FINDINGS = 100;

/**
 * Raw bytes a segment, and so what is held of them in memory. A header with PAX, GNU name and GNU link
 * entries of the largest size allowed has 3 MiB; only archives made of nothing but such entries are cut at
 * this, which assembles to the same bytes.
 */
const MAX_SEGMENT = 8 << 20;
/** After the end of the archive tar-split reads, and writes, this much at once. */
const TRAILING_SEGMENT = 1 << 20;

/** Throws BAD_TAR (see TarReader; too many entries) and DUPLICATE_PATH. */
export class SplitReader {
  readonly #tar: TarReader;
  readonly #sink: SplitSink;
  readonly #crc: Crc64;
  readonly #raw: RawBuffer;
  readonly #seen = new SeenPaths();
  readonly #findings: Irreproducible[] = [];
  readonly #payload: ByteSource = { read: () => this.#read() };
  #entry: TarEntry | null = null;
  #lastName = "" as ByteString;
  #entries = 0;
  #ended = false;
  readonly #maxEntries: number;

  constructor(source: ByteSource, sink: SplitSink, newCrc64: () => Crc64, maxEntries: number = MAX_ENTRIES) {
    this.#maxEntries = maxEntries;
    this.#sink = sink;
    this.#crc = newCrc64();
    this.#raw = new RawBuffer(MAX_SEGMENT, (payload) => sink.add({ type: "segment", payload }));
    this.#tar = new TarReader(source, (bytes) => this.#raw.add(bytes));
  }

  /** The next entry; null at the end of the archive, after which `finish` is due. */
  next(): TarEntry | null {
    if (this.#ended) return null;
    this.#finishEntry();
    const entry = this.#tar.next();
    const raw = this.#raw.take();
    if (raw.length > 0) this.#sink.add({ type: "segment", payload: raw });
    if (entry === null) {
      this.#ended = true;
      return null;
    }
    this.#begin(entry);
    return entry;
  }

  /** Payload of the current entry, to be read as far as the caller likes. The same object serves every entry. */
  payload(): ByteSource {
    return this.#payload;
  }

  /** Takes apart what is left of the stream, trailing bytes included, and says what came of it. */
  finish(): SplitSummary {
    while (this.next() !== null);
    const trailing = new RawBuffer(TRAILING_SEGMENT, (payload) => this.#sink.add({ type: "segment", payload }));
    this.#tar.drain((bytes) => trailing.add(bytes));
    const rest = trailing.take();
    if (rest.length > 0) this.#sink.add({ type: "segment", payload: rest });
    // The read that meets the end of the stream is written down like the others.
    this.#sink.add({ type: "segment", payload: new Uint8Array(0) });
    if (this.#tar.cutPadding > 0) this.#find({ name: this.#lastName, reason: "cut-padding" });
    return { entries: this.#entries, irreproducible: this.#findings };
  }

  #begin(entry: TarEntry): void {
    const path = cleanPath(entry.name);
    if (!this.#seen.add(path)) throw duplicate(path);
    this.#entry = entry;
    this.#lastName = entry.name;
    if (++this.#entries > this.#maxEntries) throw tooMany(this.#maxEntries);
    const reason = irreproducible(entry, path);
    if (reason !== null) this.#find({ name: entry.name, reason });
  }

  #read(): Uint8Array | null {
    const bytes = this.#tar.payload().read();
    if (bytes !== null) this.#crc.update(bytes);
    return bytes;
  }

  #finishEntry(): void {
    const entry = this.#entry;
    if (entry === null) return;
    let crc64: Uint8Array | null = null;
    if (entry.size > 0) {
      while (this.#read() !== null);
      crc64 = this.#crc.digest();
      this.#crc.reset();
    }
    this.#sink.add({ type: "file", name: entry.name, size: entry.size, crc64 });
    this.#entry = null;
  }

  #find(finding: Irreproducible): void {
    if (this.#findings.length < MAX_FINDINGS) this.#findings.push(finding);
  }
}

function tooMany(limit: number): OvlError {
  return new OvlError("BAD_TAR", `layer has more than ${limit} entries; spread them over several layers`, { limit });
}

function duplicate(path: ByteString): OvlError {
  const name = displayName(path);
  return new OvlError(
    "DUPLICATE_PATH",
    `layer has the path "${name}" more than once, which docker refuses; build the layer without the repetition`,
    { path: name },
  );
}
