/** layerdb's layers and the driver's directories, as they are on disk. */
import type { DriverName } from "../driver/driver.js";
import { type CacheId, type ChainId, isCacheId, isChainId, isDiffId } from "../model/digest.js";
import type { FsckFiles, Text } from "./fsck-files.js";
import type { DirectoryRecord, Field, LayerRecord } from "./fsck-picture.js";
import type { Listing } from "./listing.js";

export function readLayers(files: FsckFiles, sha256: string, listing: Listing): Map<ChainId, LayerRecord> {
  const layers = new Map<ChainId, LayerRecord>();
  for (const { name, kind } of listing.values()) {
    const chainId = `sha256:${name}`;
    if (kind !== "directory" || !isChainId(chainId)) continue;
    const dir = `${sha256}/${name}`;
    const found = files.listWithTexts(dir, ["diff", "cache-id", "parent", "size"]);
    if (found === null || typeof found === "string") continue;
    const [diff, cacheId, parent, size] = found.texts;
    layers.set(chainId, {
      chainId,
      dir,
      entries: found.entries,
      diff: field(diff, isDiffId),
      cacheId: field(cacheId, isCacheId),
      parent: field(parent, isChainId),
      size: sizeField(size),
    });
  }
  return layers;
}

/** dockerd strips whitespace from every such file but `size`. */
export function field<T extends string>(text: Text, valid: (value: string) => value is T): Field<T> {
  switch (text.kind) {
    case "absent":
      return { state: "absent" };
    case "bad":
      return { state: "invalid", found: text.reason };
    case "text": {
      const value = text.text.trim();
      if (valid(value)) return { state: "valid", value };
      return value === "" ? { state: "empty" } : { state: "invalid", found: value };
    }
  }
}

function sizeField(text: Text): Field<number> {
  if (text.kind === "absent") return { state: "absent" };
  if (text.kind === "bad") return { state: "invalid", found: text.reason };
  if (text.text === "") return { state: "empty" };
  if (/^[+-]?[0-9]{1,19}$/.test(text.text)) return { state: "valid", value: Number(text.text) };
  return { state: "invalid", found: text.text };
}

/** Where a repair moves what may be somebody's: beside what dockerd knows, which passes over it. */
export const LOST_AND_FOUND = "ovl-lost+found";

/** Names in ROOT/<driver> that are no layers. */
export const NO_LAYERS = new Set(["l", "backingFsBlockDev", "lost+found", LOST_AND_FOUND]);

export function readDirectories(
  files: FsckFiles,
  driver: DriverName,
  home: string,
  listing: Listing,
): Map<CacheId, DirectoryRecord> {
  const directories = new Map<CacheId, DirectoryRecord>();
  for (const { name, kind } of listing.values()) {
    if (kind !== "directory" || NO_LAYERS.has(name) || !isCacheId(name)) continue;
    const dir = `${home}/${name}`;
    const found = files.listWithTexts(dir, ["link", driver === "overlay2" ? "lower" : "lower-id"]);
    if (found === null || typeof found === "string") continue;
    const [link, lower] = found.texts;
    directories.set(name, new Directory(name, dir, found.entries, link, lower));
  }
  return directories;
}

class Directory implements DirectoryRecord {
  readonly cacheId: CacheId;
  readonly dir: string;
  readonly entries: Listing;
  readonly link: Text;
  readonly lower: Text;
  #lowers: readonly string[] | null = null;

  constructor(cacheId: CacheId, dir: string, entries: Listing, link: Text, lower: Text) {
    this.cacheId = cacheId;
    this.dir = dir;
    this.entries = entries;
    this.link = link;
    this.lower = lower;
  }

  /** Taken apart only where it is asked for: of most layers it is what the layers below say, to the last byte. */
  get lowers(): readonly string[] {
    const { lower } = this;
    this.#lowers ??= lower.kind === "text" && lower.text !== "" ? lower.text.split(":").map(withoutPrefix) : [];
    return this.#lowers;
  }
}

function withoutPrefix(entry: string): string {
  return entry.startsWith("l/") ? entry.slice(2) : entry;
}
