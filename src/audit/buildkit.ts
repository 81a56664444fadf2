/**
 * What BuildKit may own. Its cached directories stand among the driver's with no entry in layerdb; only its databases,
 * `ROOT/buildkit/*.db` (bolt files), name them. A file that has been written to for years also holds the bytes of what
 * it no longer names; nothing is lost by taking that for owned.
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { CacheId, ChainId } from "../model/digest.js";
import { cachedLayers, MAX_DATABASE } from "../store/build-cache.js";
import { FsckFiles } from "./fsck-files.js";

/** Whether BuildKit made a directory: its identity.NewID has 25 digits of base 36. */
export function isBuildKits(cacheId: CacheId): boolean {
  return /^[0-9a-z]{25}$/.test(cacheId);
}

export class BuildKit {
  readonly #present: boolean;
  readonly #root: string;
  readonly #path: string;
  #databases: Buffer[] | "unreadable" | null = null;
  #layers: Pick<ReadonlySet<ChainId>, "has"> | null = null;

  constructor(root: string) {
    this.#root = root;
    this.#path = join(root, "buildkit");
    this.#present = lstatSync(this.#path, { throwIfNoEntry: false }) !== undefined;
  }

  mayOwn(cacheId: CacheId): boolean {
    if (!this.#present) return false;
    return isBuildKits(cacheId) || this.#names(cacheId);
  }

  /** A layer that a build stands on, whether or not an image does. */
  ownsLayer(chainId: ChainId): boolean {
    this.#layers ??= cachedLayers(this.#root);
    return this.#layers.has(chainId);
  }

  #names(id: string): boolean {
    this.#databases ??= readDatabases(this.#path);
    if (this.#databases === "unreadable") return true;
    return this.#databases.some((bytes) => bytes.includes(id, 0, "latin1"));
  }
}

function readDatabases(path: string): Buffer[] | "unreadable" {
  const files = new FsckFiles();
  const listing = files.list(path);
  if (listing === null || typeof listing === "string") return "unreadable";
  const databases: Buffer[] = [];
  for (const { name, path: file } of listing.values()) {
    if (!name.endsWith(".db")) continue;
    const read = file === null ? null : files.read(file, MAX_DATABASE);
    if (read?.kind !== "read") return "unreadable";
    databases.push(read.bytes);
  }
  return databases;
}
