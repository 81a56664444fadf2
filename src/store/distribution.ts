/**
 * What registries told about layers: `distribution/`, two maps between DiffIDs and the digests of the blobs
 * that carried them. Only hints: losing them costs an upload.
 */
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { ensureDirectory, readId, readSmall, writeAtomically } from "../driver/files.js";
import { asOvlError } from "../errors.js";
import { algorithmOf, type DiffId, type Digest, hexOf, isDiffId, isDigest } from "../model/digest.js";
import { goJson } from "../model/go-json.js";
import { isJsonObject } from "../model/go-shape.js";

export interface BlobRecord {
  /** Of the blob as a registry has it. */
  readonly digest: Digest;
  /** Full repository name: `docker.io/library/debian`. */
  readonly repository: string;
  /** Under whose name it was pushed (`account.ts`), in hex; empty for a blob that was pulled. */
  readonly hmac: string;
}

/** Blobs that dockerd remembers of a layer; the oldest go first. */
const MAX_RECORDS = 50;

export class Distribution {
  /** ROOT/image/<driver>/distribution */
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Oldest first; empty where nothing usable is noted. */
  blobsOf(diffId: DiffId): BlobRecord[] {
    const file = readSmall(this.#recordsPath(diffId));
    if (file.kind !== "read") return [];
    try {
      const json: unknown = JSON.parse(file.bytes.toString("utf8"));
      return Array.isArray(json) ? json.map(recordOf).filter((record) => record !== null) : [];
    } catch {
      return [];
    }
  }

  diffIdOf(digest: Digest): DiffId | null {
    const id = readId(this.#diffIdPath(digest));
    return id !== null && isDiffId(id) ? id : null;
  }

  /** Notes a blob, as the newest of its layer. */
  add(diffId: DiffId, record: BlobRecord): void {
    const others = this.blobsOf(diffId).filter((known) => !isSame(known, record));
    this.#write(diffId, [...others, record].slice(-MAX_RECORDS));
    write(this.#diffIdPath(record.digest), diffId);
  }

  /** Forgets that a blob was there; which layer its digest belongs to stays true. */
  remove(diffId: DiffId, record: BlobRecord): void {
    const known = this.blobsOf(diffId);
    const rest = known.filter((other) => !isSame(other, record));
    if (rest.length === known.length) return;
    if (rest.length > 0) this.#write(diffId, rest);
    else rmSync(this.#recordsPath(diffId), { force: true });
  }

  #write(diffId: DiffId, records: readonly BlobRecord[]): void {
    const json = records.map(({ digest, repository, hmac }) => ({
      Digest: digest,
      SourceRepository: repository,
      HMAC: hmac,
    }));
    write(this.#recordsPath(diffId), goJson(json));
  }

  #recordsPath(diffId: DiffId): string {
    return join(this.path, "v2metadata-by-diffid", "sha256", hexOf(diffId));
  }

  #diffIdPath(digest: Digest): string {
    return join(this.path, "diffid-by-digest", algorithmOf(digest), hexOf(digest));
  }
}

function write(path: string, content: string): void {
  const directory = dirname(path);
  try {
    ensureDirectory(dirname(directory), 0o755);
    ensureDirectory(directory, 0o755);
  } catch (thrown) {
    throw asOvlError(thrown);
  }
  // Not beside it, where nobody would ever look for what a crash leaves: ROOT/image/<driver>.
  writeAtomically(path, content, 0o644, join(directory, "..", "..", ".."));
}

function recordOf(value: unknown): BlobRecord | null {
  if (!isJsonObject(value)) return null;
  const { Digest: digest, SourceRepository: repository, HMAC: hmac } = value;
  if (typeof digest !== "string" || !isDigest(digest) || typeof repository !== "string") return null;
  return { digest, repository, hmac: typeof hmac === "string" ? hmac : "" };
}

export function isSame(a: BlobRecord, b: BlobRecord): boolean {
  return a.digest === b.digest && a.repository === b.repository && a.hmac === b.hmac;
}
