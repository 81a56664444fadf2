/** Second stage of a layer that is only listed: what entries its tar has, their contents by checksum. */
import type { ByteSource } from "../blob/byte-source.js";
import type { Crc64 } from "../blob/crc64.js";
import { ByteLimit } from "../blob/limit.js";
import { hashing } from "../blob/verify.js";
import { OvlError } from "../errors.js";
import type { ByteString } from "../model/bytes.js";
import { cleanPath } from "../tar/clean.js";
import { MAX_ENTRIES, type TarEntry } from "../tar/entry.js";
import { TarReader } from "../tar/reader.js";
import { asDiffId, diffIdMismatch } from "./check.js";
import type { ListedEntry, ListJob, SecondOutcome } from "./job.js";

/** Throws BAD_TAR, and DIFF_ID_MISMATCH. */
export function list(
  job: ListJob,
  source: ByteSource,
  newCrc64: () => Crc64,
  maxEntries: number = MAX_ENTRIES,
): SecondOutcome {
  const tar = hashing(source);
  const reader = new TarReader(tar);
  const crc = newCrc64();
  const limit = new ByteLimit(job.maxBytes, "the content of a layer");
  const listing = new Listing(maxEntries);
  for (let entry = reader.next(); entry !== null; entry = reader.next()) {
    if (entry.type === "file") limit.add(entry.size);
    crc.reset();
    const payload = reader.payload();
    if (entry.type === "file") for (let part = payload.read(); part !== null; part = payload.read()) crc.update(part);
    listing.add(entry, entry.type === "file" && entry.size > 0 ? crc.digest() : null);
  }
  reader.drain();
  while (tar.read() !== null);
  const diffId = asDiffId(tar.digest());
  if (job.diffId !== null && job.diffId !== diffId) throw diffIdMismatch(job.diffId, diffId);
  const listed = listing.entries;
  return { diffId, tarBytes: tar.bytes, size: 0, entries: listed.length, warnings: [], written: null, listed };
}

/** Bytes of names that an entry has on average at most: real ones have less, and an archive's may have a megabyte. */
const NAME_BYTES = 150;

/** The entries of a layer as they are met, as many as may be held in memory. */
export class Listing {
  readonly entries: ListedEntry[] = [];
  readonly #maxEntries: number;
  #nameBytes = 0;

  constructor(maxEntries: number = MAX_ENTRIES) {
    this.#maxEntries = maxEntries;
  }

  /**
   * Throws BAD_TAR for one too many, or one whose names are too long.
   * @param crc64 of its content; null where there is none
   */
  add(entry: TarEntry, crc64: Uint8Array | null): void {
    const line = listedEntry(entry, crc64);
    if (line === null) return;
    this.#nameBytes += line.path.length + (line.target?.length ?? 0);
    this.#hold(this.entries.push(line), this.#maxEntries, "entries");
    this.#hold(this.#nameBytes, this.#maxEntries * NAME_BYTES, "bytes of names");
  }

  #hold(count: number, limit: number, what: string): void {
    if (count > limit) throw new OvlError("BAD_TAR", `layer has more than ${limit} ${what}`, { limit });
  }
}

/** null for what makes no object in the layer. */
function listedEntry(entry: TarEntry, crc64: Uint8Array | null): ListedEntry | null {
  const path = insidePath(entry.name);
  if (path === "") return null;
  switch (entry.type) {
    case "file": {
      const checksum = crc64 === null ? "" : Buffer.from(crc64).toString("hex");
      return { path, kind: "file", size: entry.size, crc64: checksum, target: null };
    }
    case "hardlink":
      return { path, kind: "link", size: 0, crc64: "", target: insidePath(entry.linkName) };
    case "directory":
      return { path, kind: "directory", size: 0, crc64: "", target: null };
    case "global":
      return null;
    default:
      return { path, kind: "other", size: 0, crc64: "", target: null };
  }
}

/** As an extraction has it: what leads above the layer stays at its top. */
function insidePath(name: ByteString): ByteString {
  const path = cleanPath(`/${name}` as ByteString);
  return path.replace(/^\/+/, "") as ByteString;
}
