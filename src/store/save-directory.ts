/**
 * An OCI layout on disk. Everything is written into a directory of its own first, and gets its place when it is
 * complete: a new layout by one rename; in a directory that is there, an older layout or empty, blob by blob,
 * index.json last.
 */
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { FileSink } from "../blob/file-sink.js";
import { readSmall } from "../driver/files.js";
import { asOvlError, errnoOf, OvlError, osError } from "../errors.js";
import { isJsonObject, objectOf } from "../model/go-shape.js";
import { parseJson } from "../model/json.js";
import { MAX_MANIFEST_BYTES } from "../model/manifest.js";
import { lock } from "../sys/lock.js";
import { blobPath, type Document, indexFile, LAYOUT_FILE, type OciDescriptor } from "./save-documents.js";
import type { Written } from "./save-layers.js";
import { isTemporaryName, statOf, targetOf, temporaryName } from "./save-output.js";

const INDEX_FILE = "index.json";
const BLOBS = "blobs/sha256";

export class LayoutDirectory implements Disposable {
  readonly path: string;
  readonly #isThere: boolean;
  readonly #staging: string;
  readonly #blobs = new Set<string>();
  #placed: string[] = [];
  #made: string[] = [];
  /** An fd of a directory that was there, which is locked from the commit on. */
  #layout: number | null = null;

  /** Throws USAGE for a directory that holds something else, NOT_FOUND where the one above it is missing. */
  constructor(path: string) {
    this.path = targetOf(path);
    this.#isThere = isThere(this.path);
    const name = temporaryName(basename(this.path));
    this.#staging = join(this.#isThere ? this.path : dirname(this.path), name);
    try {
      for (const _ of makeDirectories(this.#staging));
    } catch (error) {
      this[Symbol.dispose]();
      throw asOvlError(error);
    }
  }

  /** Has a blob written to a new file, which is then called by its digest. */
  async blob(write: (sink: FileSink) => Promise<Written>): Promise<Written> {
    const temporary = join(this.#staging, temporaryName("blob"));
    const fd = attempt(() => openSync(temporary, "wx", 0o666));
    try {
      const written = await write({ fd, file: temporary });
      this.#stage(blobPath(written.digest), (path) => renameSync(temporary, path));
      return written;
    } finally {
      closeSync(fd);
    }
  }

  document({ path, bytes }: Document): void {
    this.#stage(path, (staged) => write(staged, bytes));
  }

  /** Puts everything in its place. Images of the same name in an older layout give theirs up, as with skopeo. */
  commit(manifests: readonly OciDescriptor[]): void {
    this.document(LAYOUT_FILE);
    attempt(() => {
      if (this.#isThere || !this.#appear(manifests)) this.#join(manifests);
    });
  }

  /** What has not got its place goes, and so does what has, as long as no index names it. */
  [Symbol.dispose](): void {
    try {
      for (const path of this.#placed) rmSync(path, { force: true });
      for (const path of this.#made.reverse()) removeEmpty(path);
      rmSync(this.#staging, { recursive: true, force: true });
    } finally {
      if (this.#layout !== null) closeSync(this.#layout);
    }
  }

  /** False where another save has made the layout meanwhile. */
  #appear(manifests: readonly OciDescriptor[]): boolean {
    this.document(indexFile(manifests));
    try {
      renameSync(this.#staging, this.path);
      return true;
    } catch (error) {
      if (!isThere(this.path)) throw error;
      return false;
    }
  }

  /** The directory itself stays: it is not ours, may be a mount point, or where somebody's shell is. */
  #join(manifests: readonly OciDescriptor[]): void {
    // Another save may have read the same index, and would drop what this one adds to it.
    this.#layout = openSync(this.path, constants.O_RDONLY | constants.O_DIRECTORY);
    lock(this.#layout, "exclusive", `lock ${this.path}`);
    const index = join(this.#staging, INDEX_FILE);
    write(index, mergedIndex(join(this.path, INDEX_FILE), manifests));
    // First, so that whoever comes next sees a layout, and not a directory of something else.
    if (statOf(join(this.path, LAYOUT_FILE.path)) === null) this.#place(LAYOUT_FILE.path);
    for (const made of makeDirectories(this.path)) this.#made.push(made);
    for (const path of this.#blobs) this.#place(path);
    renameSync(index, join(this.path, INDEX_FILE));
    this.#placed = [];
    this.#made = [];
  }

  #place(path: string): void {
    const place = join(this.path, path);
    if (statOf(place) === null) this.#placed.push(place);
    renameSync(join(this.#staging, path), place);
  }

  #stage(path: string, put: (staged: string) => void): void {
    attempt(() => put(join(this.#staging, path)));
    if (path.startsWith(`${BLOBS}/`)) this.#blobs.add(path);
  }
}

/** Those that it makes. One by one: what `recursive` throws on a full disk is that the directory above is missing. */
function* makeDirectories(layout: string): Generator<string> {
  for (const path of [layout, dirname(join(layout, BLOBS)), join(layout, BLOBS)]) {
    try {
      mkdirSync(path);
      yield path;
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
    }
  }
}

/** What somebody else has put something into stays. */
function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (errnoOf(error) !== "ENOTEMPTY") throw error;
  }
}

/** Whether there is a layout, or an empty directory to make one in. Throws USAGE for something else. */
function isThere(path: string): boolean {
  let names: string[];
  try {
    names = readdirSync(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    if (errnoOf(error) !== "ENOTDIR") throw asOvlError(error);
    throw new OvlError("USAGE", `${path} is a file; --format oci writes a directory`, { path });
  }
  // Other saves may be about to make a layout of it.
  if (names.includes(LAYOUT_FILE.path) || names.every(isTemporaryName)) return true;
  throw new OvlError("USAGE", `${path} is not empty and no OCI layout; name a new directory`, { path });
}

/** Entries of other names stay as they are, whatever is in them. */
function mergedIndex(path: string, manifests: readonly OciDescriptor[]): string {
  const context = { subject: path, code: "BAD_MANIFEST", maxBytes: MAX_MANIFEST_BYTES } as const;
  const file = readSmall(path, context.maxBytes);
  if (file.kind === "bad") {
    throw new OvlError("BAD_MANIFEST", `${path} ${file.reason}; name a new directory`, { path });
  }
  const index = file.kind === "absent" ? {} : parseJson(file.bytes, context);
  const entries = isJsonObject(index) ? (index["manifests"] ?? []) : null;
  if (!isJsonObject(index) || !Array.isArray(entries)) {
    throw new OvlError("BAD_MANIFEST", `${path} is no index of an OCI layout; name a new directory`, { path });
  }
  const taken = new Set(manifests.map(identityOf));
  const others = entries.filter((entry) => !isJsonObject(entry) || !taken.has(identityOf(entry)));
  return JSON.stringify({ schemaVersion: 2, ...index, manifests: [...others, ...manifests] });
}

/** What makes two entries of an index the same image: the full name, else the tag, else the digest. */
function identityOf(entry: { readonly annotations?: unknown; readonly digest?: unknown }): unknown {
  const annotations = objectOf(entry.annotations);
  return annotations["io.containerd.image.name"] ?? annotations["org.opencontainers.image.ref.name"] ?? entry.digest;
}

function write(path: string, content: Uint8Array | string): void {
  try {
    writeFileSync(path, content);
  } catch (error) {
    throw osError(errnoOf(error), `write ${path}`, { path }, error);
  }
}

function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw asOvlError(error);
  }
}
