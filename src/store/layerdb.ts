/**
 * The layers that a root knows: `layerdb/sha256/<chain>/{diff,size,cache-id,parent,tar-split.json.gz}`.
 * What is read here counts as a layer exactly when dockerd 20.10 would load it.
 */
import { randomBytes } from "node:crypto";
import { lstatSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { Driver } from "../driver/driver.js";
import { namesIn, readSmall, syncDirectory } from "../driver/files.js";
import { isDirectory } from "../driver/is-directory.js";
import { removeTree } from "../driver/remove-tree.js";
import { asOvlError, OvlError, osError } from "../errors.js";
import { type CacheId, type ChainId, type DiffId, hexOf, isCacheId, isChainId, isDiffId } from "../model/digest.js";
import type { Layout } from "./layout.js";
import { NewLayer } from "./new-layer.js";
import type { StoreWarning } from "./warning.js";

export interface Layer {
  readonly chainId: ChainId;
  readonly diffId: DiffId;
  /** The layer below; null for a base layer. */
  readonly parent: ChainId | null;
  readonly cacheId: CacheId;
  /** Bytes of its content, as the `size` file says. */
  readonly size: number;
}

/** What one layer directory says, or what is wrong with it. */
export type LayerEntry = { readonly layer: Layer } | LayerProblem;

export interface LayerProblem {
  /** What is wrong, as the rest of a sentence that begins with the layer. */
  readonly problem: string;
  /** The file or directory at fault. */
  readonly path: string;
  readonly absent: boolean;
  /** The disk gave no answer. */
  readonly isUnreadable?: boolean;
}

export class LayerDb {
  /** ROOT/image/<driver>/layerdb */
  readonly path: string;
  readonly driver: Driver;
  readonly #entries = new Map<ChainId, LayerEntry>();
  readonly #layout: Layout | null;

  constructor(path: string, driver: Driver, layout: Layout | null = null) {
    this.path = path;
    this.driver = driver;
    this.#layout = layout;
  }

  /** The layer of this ChainID, if it and every layer below it are in order; else null. */
  get(chainId: ChainId): Layer | null {
    const entry = this.#load(chainId);
    return "layer" in entry ? entry.layer : null;
  }

  /** Throws IO for a layer that may be whole, but could not be read: it is not to be replaced. */
  refuseUnreadable(chainId: ChainId): void {
    const entry = this.#load(chainId);
    if (!("problem" in entry) || entry.isUnreadable !== true) return;
    throw osError("EIO", `read ${entry.path}, which tells of layer ${chainId}`, { path: entry.path });
  }

  /** Why `get` gives null; null where it does not. */
  problem(chainId: ChainId): string | null {
    const entry = this.#load(chainId);
    return "problem" in entry ? entry.problem : null;
  }

  /** A layer and those below it, bottom to top; null where `get` is. */
  stack(chainId: ChainId): Layer[] | null {
    const layers: Layer[] = [];
    for (let id: ChainId | null = chainId; id !== null; ) {
      const layer = this.get(id);
      if (layer === null) return null;
      layers.push(layer);
      id = layer.parent;
    }
    return layers.reverse();
  }

  /** Every layer in order, and a warning for every directory that is not one. */
  list(): { layers: Layer[]; warnings: StoreWarning[] } {
    const layers: Layer[] = [];
    const warnings: StoreWarning[] = [];
    for (const name of this.names()) {
      const chainId = `sha256:${name}`;
      if (!isChainId(chainId)) continue;
      const entry = this.#load(chainId);
      if ("layer" in entry) layers.push(entry.layer);
      else warnings.push({ code: "BAD_LAYER", subject: chainId, message: entry.problem });
    }
    return { layers, warnings };
  }

  /** Every name in `layerdb/sha256`, leftovers included. */
  names(): string[] {
    return this.#obstacle === null ? namesIn(join(this.path, "sha256")) : [];
  }

  dir(chainId: ChainId): string {
    return `${this.path}/sha256/${hexOf(chainId)}`;
  }

  tarSplitPath(chainId: ChainId): string {
    return join(this.dir(chainId), "tar-split.json.gz");
  }

  /**
   * Starts a layer: its directory in the driver and its write-set, neither visible before `commit`.
   * @param parent cache-id of the layer below, which may itself not be committed yet; null for a base layer
   */
  begin(parent: CacheId | null): NewLayer {
    return NewLayer.begin(this, parent);
  }

  /** Takes note of a layer that has just been put in place. */
  added(layer: Layer): void {
    this.#entries.set(layer.chainId, { layer });
  }

  /**
   * Removes a layer that nothing stands on, in dockerd's order: aside under a name that says so, then the
   * directory, then what named it.
   * @param keepDirectory where another layer has the same cache-id
   */
  remove({ chainId, cacheId }: Layer, keepDirectory: boolean): void {
    const aside = join(this.path, "sha256", `${hexOf(chainId)}-${randomBytes(32).toString("hex")}-removing`);
    try {
      renameSync(this.dir(chainId), aside);
      syncDirectory(join(this.path, "sha256"));
    } catch (thrown) {
      throw asOvlError(thrown);
    }
    this.#entries.delete(chainId);
    if (!keepDirectory) this.driver.remove(cacheId);
    removeTree(aside);
  }

  // A loop and not a recursion: a parent chain on a damaged disk is as long as it likes, and may be a ring.
  #load(chainId: ChainId): LayerEntry {
    const pending: Layer[] = [];
    const seen = new Set<ChainId>();
    let below: LayerEntry | null = null;
    for (let id: ChainId | null = chainId; id !== null && below === null; ) {
      const known: LayerEntry | undefined = this.#entries.get(id);
      if (known !== undefined) {
        below = known;
        break;
      }
      const entry: LayerEntry = seen.has(id)
        ? { problem: "is its own ancestor", path: this.dir(id), absent: false }
        : this.read(id);
      if ("problem" in entry) {
        this.#entries.set(id, entry);
        below = entry;
        break;
      }
      seen.add(id);
      pending.push(entry.layer);
      id = entry.layer.parent;
    }
    for (const layer of pending.reverse()) {
      if (below !== null && "problem" in below) {
        if (this.#entries.has(layer.chainId)) continue;
        below = { ...below, problem: `stands on layer ${layer.parent}, which ${below.problem}`, absent: false };
      } else below = { layer };
      this.#entries.set(layer.chainId, below);
    }
    return this.#entries.get(chainId) as LayerEntry;
  }

  /** What the layer's own directory says, whatever those below it are like. */
  read(chainId: ChainId): LayerEntry {
    const dir = this.dir(chainId);
    const blocked = this.#obstacle ?? (isDirectory(dir) ? null : notThere(dir));
    if (blocked !== null) return blocked;
    try {
      const diffId = this.#id(dir, "diff");
      if (!isDiffId(diffId)) return bad(dir, "diff", diffId, "sha256:<64 hex>");
      // dockerd strips whitespace from every file but this one.
      const size = this.#text(dir, "size");
      if (!/^[+-]?[0-9]{1,19}$/.test(size)) return bad(dir, "size", size, "a decimal number");
      const cacheId = this.#id(dir, "cache-id");
      if (!isCacheId(cacheId)) return bad(dir, "cache-id", cacheId, "the name of a layer directory");
      const parent = this.#id(dir, "parent", true);
      if (parent !== null && !isChainId(parent)) return bad(dir, "parent", parent, "sha256:<64 hex>");
      return { layer: { chainId, diffId, parent, cacheId, size: Number(size) } };
    } catch (thrown) {
      if (!(thrown instanceof OvlError) || thrown.code !== "BAD_ROOT") throw thrown;
      const { path, reason } = thrown.fields;
      return { problem: thrown.message, path: String(path ?? dir), absent: false, isUnreadable: reason === "EIO" };
    }
  }

  get #obstacle(): LayerProblem | null {
    const found = this.#layout?.obstacleTo(join(this.path, "sha256")) ?? null;
    if (found === null) return null;
    return { problem: `is out of reach: ${found.message}`, path: found.subject, absent: false };
  }

  #id(dir: string, name: string): string;
  #id(dir: string, name: string, optional: true): string | null;
  #id(dir: string, name: string, optional = false): string | null {
    return this.#text(dir, name, optional)?.trim() ?? null;
  }

  #text(dir: string, name: string): string;
  #text(dir: string, name: string, optional: boolean): string | null;
  #text(dir: string, name: string, optional = false): string | null {
    const file = readSmall(`${dir}/${name}`);
    switch (file.kind) {
      case "read":
        return file.bytes.toString("latin1");
      case "absent":
        if (optional) return null;
        throw new OvlError("BAD_ROOT", `has no file ${name} in ${dir}`, { path: join(dir, name) });
      case "bad":
        throw new OvlError("BAD_ROOT", `has a file ${join(dir, name)} that ${file.reason}`, {
          path: join(dir, name),
          reason: file.reason,
        });
    }
  }
}

function notThere(dir: string): LayerProblem {
  const absent = lstatSync(dir, { throwIfNoEntry: false }) === undefined;
  if (absent) return { problem: `has no file diff in ${dir}`, path: dir, absent };
  return { problem: `has no directory: ${dir} is something else`, path: dir, absent };
}

function bad(dir: string, name: string, found: string, expected: string): LayerEntry {
  const shown = JSON.stringify(found.length > 80 ? `${found.slice(0, 80)}…` : found);
  const path = join(dir, name);
  return { problem: `has ${shown} in ${path}; expected ${expected}`, path, absent: false };
}
