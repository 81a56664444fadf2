/** Taking apart and putting together in memory. */
import { wasmCrc64 } from "../../src/blob/engines/wasm-crc64.js";
import { OvlError } from "../../src/errors.js";
import type { ByteString } from "../../src/model/bytes.js";
import { Assembly, type LayerFile } from "../../src/tar-split/assemble.js";
import { SplitReader, type SplitSummary } from "../../src/tar-split/disassemble.js";
import type { SplitEntry } from "../../src/tar-split/entry.js";
import { TarSplitWriter } from "../../src/tar-split/writer.js";
import { readAll, sourceOf } from "../support/sources.js";

export const newCrc64 = (await wasmCrc64()).create;

export interface Apart {
  readonly entries: readonly SplitEntry[];
  /** Contents by name as in the archive. */
  readonly files: ReadonlyMap<ByteString, Buffer>;
  readonly summary: SplitSummary;
  /** `tar-split.json.gz`. */
  readonly gzip: Buffer;
}

export function takeApart(bytes: Uint8Array, ...sizes: number[]): Apart {
  const entries: SplitEntry[] = [];
  const gzip: Uint8Array[] = [];
  using writer = new TarSplitWriter((part) => gzip.push(Buffer.from(part)));
  const sink = {
    add(entry: SplitEntry) {
      writer.add(entry);
      entries.push(kept(entry));
    },
  };
  const split = new SplitReader(sourceOf(bytes, ...sizes), sink, newCrc64);
  const files = new Map<ByteString, Buffer>();
  for (let entry = split.next(); entry !== null; entry = split.next()) files.set(entry.name, readAll(split.payload()));
  const summary = split.finish();
  writer.end();
  return { entries, files, summary, gzip: Buffer.concat(gzip) };
}

function kept(entry: SplitEntry): SplitEntry {
  if (entry.type === "segment") return { ...entry, payload: Buffer.from(entry.payload) };
  return { ...entry, crc64: entry.crc64 && Buffer.from(entry.crc64) };
}

/** Opens files of a map, and keeps count of those that are open. */
export class MemoryFiles {
  readonly #files: ReadonlyMap<ByteString, Buffer>;
  open = 0;

  constructor(files: ReadonlyMap<ByteString, Buffer>) {
    this.#files = files;
  }

  readonly opener = (name: ByteString): LayerFile => {
    const content = this.#files.get(name);
    if (content === undefined) throw new OvlError("NOT_FOUND", `no file ${name}`);
    this.open++;
    const source = sourceOf(content, 3, 5000);
    return { read: () => source.read(), [Symbol.dispose]: () => void this.open-- };
  };
}

export function putTogether(entries: Iterable<SplitEntry>, files: ReadonlyMap<ByteString, Buffer>): Buffer {
  return readAll(new Assembly({ entries, open: new MemoryFiles(files).opener, newCrc64 }));
}

/** Entries as one string a line, segments by their length, neighbours apart. */
export function shapeOf(entries: readonly SplitEntry[]): string[] {
  return entries.map((entry) =>
    entry.type === "segment"
      ? `raw ${entry.payload.length}`
      : `file ${entry.name} ${entry.size} ${entry.crc64 === null ? "-" : Buffer.from(entry.crc64).toString("base64")}`,
  );
}
