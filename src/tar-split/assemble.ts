/**
 * The tar that was taken apart, byte for byte, from its entries and the layer's files, in constant memory.
 * Contents are checked by checksum, as dockerd checks them, and by size; whether all of it is right is for
 * the DiffID of the whole to say.
 */
import type { ByteSource } from "../blob/byte-source.js";
import type { Crc64 } from "../blob/crc64.js";
import { asOvlError, OvlError } from "../errors.js";
import { type ByteString, displayName } from "../model/bytes.js";
import type { FileEntry, SplitEntry } from "./entry.js";

/** An opened file of a layer. */
export type LayerFile = ByteSource & Disposable;

/** What is wrong with one file of a layer. */
export type AssemblyProblem =
  | {
      readonly kind: "content";
      readonly name: ByteString;
      /** CRC-64 in hex, as tar-split has it and as the file has it now. */
      readonly expected: string;
      readonly found: string;
      /** Bytes, as the header has them and as the file has them now. */
      readonly expectedSize: number;
      readonly foundSize: number;
    }
  | { readonly kind: "unreadable"; readonly name: ByteString; readonly error: OvlError };

export interface AssemblyOptions {
  readonly entries: Iterable<SplitEntry>;
  /**
   * Opens the file that an entry's name leads to inside the layer. Names are as in the archive: with `./`, `..`,
   * leading slashes. It must not leave the layer, and throws an OvlError for what is no regular file there.
   */
  readonly open: (name: ByteString) => LayerFile;
  readonly newCrc64: () => Crc64;
  /**
   * Gets every problem, and assembly goes on, with the bytes that are there. Without it the first one is thrown:
   * DIGEST_MISMATCH for wrong content, what `open` threw for the rest.
   */
  readonly onProblem?: (problem: AssemblyProblem) => void;
}

/** Dispose it when it is left before its end; it closes what it opened. */
export class Assembly implements ByteSource, Disposable {
  readonly #entries: Iterator<SplitEntry>;
  readonly #options: AssemblyOptions;
  readonly #crc: Crc64;
  #open: { readonly entry: FileEntry; readonly file: LayerFile } | null = null;
  #length = 0;

  constructor(options: AssemblyOptions) {
    this.#options = options;
    this.#entries = options.entries[Symbol.iterator]();
    this.#crc = options.newCrc64();
  }

  read(): Uint8Array | null {
    for (;;) {
      const bytes = this.#open === null ? null : this.#content(this.#open);
      if (bytes !== null) return bytes;
      const next = this.#entries.next();
      if (next.done) return null;
      const entry = next.value;
      if (entry.type === "file") this.#start(entry);
      else if (entry.payload.length > 0) return entry.payload;
    }
  }

  [Symbol.dispose](): void {
    this.#close();
    this.#entries.return?.();
  }

  #start(entry: FileEntry): void {
    if (entry.size === 0) return;
    const file = this.#attempt(entry, () => this.#options.open(entry.name));
    if (file === null) return;
    this.#open = { entry, file };
    this.#crc.reset();
    this.#length = 0;
  }

  /** The next bytes of the open file; null at its end, after which it is closed and checked. */
  #content({ entry, file }: { readonly entry: FileEntry; readonly file: LayerFile }): Uint8Array | null {
    let failed = true;
    const bytes = this.#attempt(entry, () => {
      const read = file.read();
      failed = false;
      return read;
    });
    if (bytes !== null) {
      this.#crc.update(bytes);
      this.#length += bytes.length;
      return bytes;
    }
    this.#close();
    if (!failed) this.#check(entry);
    return null;
  }

  #check(entry: FileEntry): void {
    const expected = hex(entry.crc64 ?? new Uint8Array(0));
    const found = hex(this.#crc.digest());
    const { name, size } = entry;
    // Whoever writes the tar into an archive believes the sizes before there is any content.
    if (expected === found && size === this.#length) return;
    const problem = { kind: "content", name, expected, found, expectedSize: size, foundSize: this.#length } as const;
    if (this.#options.onProblem === undefined) throw contentError(problem);
    this.#options.onProblem(problem);
  }

  /** Null when it failed and that was reported. */
  #attempt<T>(entry: FileEntry, action: () => T): T | null {
    try {
      return action();
    } catch (thrown) {
      const error = asOvlError(thrown);
      if (this.#options.onProblem === undefined) throw error;
      this.#options.onProblem({ kind: "unreadable", name: entry.name, error });
      return null;
    }
  }

  #close(): void {
    this.#open?.file[Symbol.dispose]();
    this.#open = null;
  }
}

function contentError(problem: AssemblyProblem & { readonly kind: "content" }): OvlError {
  const path = displayName(problem.name);
  const { expected, found } = problem;
  return new OvlError(
    "DIGEST_MISMATCH",
    `content of "${path}" is not what the layer had: expected crc64 ${expected} (${problem.expectedSize} bytes), found ${found} (${problem.foundSize} bytes); the file was changed below the store`,
    { path, expected, actual: found },
  );
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
