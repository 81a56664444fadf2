/**
 * An OCI layout on disk. Everything is written into a directory of its own first, and gets its place when it is
 * complete: a new layout by one rename, an older one blob by blob, its index.json last.
 */
import { closeSync, constants, mkdirSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { FileSink } from "../blob/file-sink.js";
import { readSmall } from "../driver/files.js";
import { asOvlError, errnoOf, OvlError, osError } from "../errors.js";
import { isJsonObject } from "../model/go-shape.js";
import { parseJson } from "../model/json.js";
import { MAX_MANIFEST_BYTES } from "../model/manifest.js";
import { lock } from "../sys/lock.js";
import { blobPath, type Document, indexFile, LAYOUT_FILE, type OciDescriptor } from "./save-documents.js";
import type { Written } from "./save-layers.js";
import { statOf, targetOf, temporaryName } from "./save-output.js";

const INDEX_FILE = "index.json";
const BLOBS = "blobs/sha256";

export class LayoutDirectory implements Disposable {
  readonly path: string;
  readonly #isNew: boolean;
  readonly #staging: string;
  readonly #blobs = new Set<string>();
  #placed: string[] = [];
  /** An fd of an older layout, which is locked from the commit on. */
  #layout: number | null = null;

  /** Throws USAGE for a directory that holds something else, NOT_FOUND where the one above it is missing. */
  constructor(path: string) {
    this.path = targetOf(path);
    this.#isNew = !isLayout(this.path);
    const name = temporaryName(basename(this.path));
    this.#staging = this.#isNew ? join(dirname(this.path), name) : join(this.path, name);
    try {
      makeDirectories(this.#staging);
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
    attempt(() => {
      if (this.#isNew) {
        this.document(LAYOUT_FILE);
        this.document(indexFile(manifests));
        // An empty directory that is there gives way to it.
        renameSync(this.#staging, this.path);
        return;
      }
      // Another save may have read the same index, and would drop what this one adds to it.
      this.#layout = openSync(this.path, constants.O_RDONLY | constants.O_DIRECTORY);
      lock(this.#layout, "exclusive", `lock ${this.path}`);
      const index = join(this.#staging, INDEX_FILE);
      write(index, mergedIndex(join(this.path, INDEX_FILE), manifests));
      makeDirectories(this.path);
      for (const path of this.#blobs) {
        const place = join(this.path, path);
        if (statOf(place) === null) this.#placed.push(place);
        renameSync(join(this.#staging, path), place);
      }
      renameSync(index, join(this.path, INDEX_FILE));
      this.#placed = [];
    });
  }

  /** What has not got its place goes, and so does what has, as long as no index names it. */
  [Symbol.dispose](): void {
    try {
      for (const path of this.#placed) rmSync(path, { force: true });
      rmSync(this.#staging, { recursive: true, force: true });
    } finally {
      if (this.#layout !== null) closeSync(this.#layout);
    }
  }

  #stage(path: string, put: (staged: string) => void): void {
    attempt(() => put(join(this.#staging, path)));
    if (path.startsWith(`${BLOBS}/`)) this.#blobs.add(path);
  }
}

/** One by one: what `recursive` throws on a full disk is that the directory above is missing. */
function makeDirectories(layout: string): void {
  for (const path of [layout, dirname(join(layout, BLOBS)), join(layout, BLOBS)]) {
    try {
      mkdirSync(path);
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
    }
  }
}

/** False for what is not there, or is an empty directory. */
function isLayout(path: string): boolean {
  let names: string[];
  try {
    names = readdirSync(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    if (errnoOf(error) !== "ENOTDIR") throw asOvlError(error);
    throw new OvlError("USAGE", `${path} is a file; --format oci writes a directory`, { path });
  }
  if (names.length === 0 || names.includes(LAYOUT_FILE.path)) return names.length > 0;
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
  const annotations = isJsonObject(entry.annotations) ? entry.annotations : {};
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
