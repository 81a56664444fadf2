/**
 * A layer on its way into the store. Nothing of it is visible before the one rename of `commit`, and every
 * point at which the process may die leaves something that `leftovers.ts` recognises:
 *
 *  1. `layerdb/tmp/write-set-<random>/cache-id`: names the directory before the directory exists
 *  2. `overlay2/<cache-id>` and `overlay2/l/<link>`
 *  3. content is extracted, tar-split.json.gz written into the write-set
 *  4. `diff`, `size`, `parent` into the write-set, everything synced
 *  5. write-set renamed to `layerdb/sha256/<chain>`, its parent directory synced
 */
import { randomInt } from "node:crypto";
import { chmodSync, lstatSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { newCacheId } from "../driver/driver.js";
import { ensureDirectory, makeDirectory, renameDurably, syncDirectory, syncFile, writeNew } from "../driver/files.js";
import { refuseRemapped } from "../driver/layer-ids.js";
import { removeTree } from "../driver/remove-tree.js";
import { asOvlError, OvlError } from "../errors.js";
import { type CacheId, type ChainId, chainIdOf, type DiffId } from "../model/digest.js";
import type { Layer, LayerDb } from "./layerdb.js";
import { takeBack } from "./undo.js";

/** Layers that dockerd lets an image have: two more fit the driver, for a container's own. */
export const MAX_DEPTH = 125;

export interface LayerFacts {
  readonly diffId: DiffId;
  /** The layer below, committed before; null for a base layer. */
  readonly parent: ChainId | null;
  /** Bytes of the content as the driver counts them. */
  readonly size: number;
}

export class NewLayer implements Disposable {
  readonly cacheId: CacheId;
  /** Where the layer's content belongs. */
  readonly contentDir: string;
  /** Where tar-split.json.gz belongs; the one who writes it need not sync it. */
  readonly tarSplitPath: string;
  readonly #db: LayerDb;
  readonly #writeSet: string;
  #open = true;

  private constructor(db: LayerDb, writeSet: string, cacheId: CacheId, contentDir: string) {
    this.#db = db;
    this.#writeSet = writeSet;
    this.cacheId = cacheId;
    this.contentDir = contentDir;
    this.tarSplitPath = join(writeSet, "tar-split.json.gz");
  }

  /** Called by `LayerDb.begin`. */
  static begin(db: LayerDb, parent: CacheId | null): NewLayer {
    refuseRemapped(db.driver);
    if (parent !== null && db.driver.lowerDirs(parent).length + 1 >= MAX_DEPTH) {
      throw new OvlError("TOO_MANY_LAYERS", `an image has at most ${MAX_DEPTH} layers; this would be one more`);
    }
    const tmp = join(db.path, "tmp");
    const writeSet = join(tmp, `write-set-${randomInt(2 ** 32)}${randomInt(2 ** 32)}`);
    const cacheId = newCacheId();
    try {
      ensureDirectory(tmp, 0o755);
      makeDirectory(writeSet, 0o700);
      writeNew(join(writeSet, "cache-id"), cacheId, 0o644);
      syncDirectory(writeSet);
      syncDirectory(tmp);
      return new NewLayer(db, writeSet, cacheId, db.driver.create(cacheId, parent));
    } catch (thrown) {
      // Where the directory could not be taken back, it is told what it was.
      if (lstatSync(db.driver.dir(cacheId), { throwIfNoEntry: false }) === undefined)
        takeBack([() => removeTree(writeSet)]);
      throw asOvlError(thrown);
    }
  }

  /**
   * Makes the layer visible. If the store has the same layer already, that one is kept and this one goes.
   * The content must have reached the disk (`syncfs`) before.
   */
  commit(facts: LayerFacts): Layer {
    if (!this.#open) throw new OvlError("INTERNAL", "layer committed twice");
    const chainId = chainIdOf(facts.parent, facts.diffId);
    if (facts.parent !== null && this.#db.get(facts.parent) === null) {
      throw new OvlError("INTERNAL", `layer ${chainId} committed before its parent ${facts.parent}`);
    }
    const existing = this.#db.get(chainId);
    if (existing !== null) {
      this[Symbol.dispose]();
      return existing;
    }
    this.#db.refuseUnreadable(chainId);
    const layer: Layer = { chainId, cacheId: this.cacheId, ...facts };
    try {
      this.#complete(facts);
      const target = this.#db.dir(chainId);
      ensureDirectory(join(this.#db.path, "sha256"), 0o755);
      this.#makeWay(target);
      renameDurably(this.#writeSet, target);
      this.#open = false;
    } catch (thrown) {
      throw asOvlError(thrown);
    }
    this.#db.added(layer);
    return layer;
  }

  /** Takes back what was extracted so far, so that the layer can be extracted once more. */
  clear(): void {
    try {
      removeTree(this.contentDir);
      makeDirectory(this.contentDir, 0o755);
      rmSync(this.tarSplitPath, { force: true });
    } catch (thrown) {
      throw asOvlError(thrown);
    }
  }

  /** Takes everything back, unless committed. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.#db.driver.remove(this.cacheId);
    // Last: until it is gone, it tells what the directory was.
    removeTree(this.#writeSet);
  }

  #complete({ diffId, parent, size }: LayerFacts): void {
    chmodSync(this.tarSplitPath, 0o644);
    syncFile(this.tarSplitPath);
    writeNew(join(this.#writeSet, "diff"), diffId, 0o644);
    writeNew(join(this.#writeSet, "size"), String(size), 0o644);
    if (parent !== null) writeNew(join(this.#writeSet, "parent"), parent, 0o644);
    syncDirectory(this.#writeSet);
  }

  /**
   * An empty or incomplete directory under the layer's name blocks dockerd for good (moby issue 44909); it
   * is no layer, and gives way. The directory that its `cache-id` may name is left alone, containers may
   * stand on it; so that file goes first, lest the leftover of a crash here be taken for ours.
   */
  #makeWay(target: string): void {
    if (lstatSync(target, { throwIfNoEntry: false }) === undefined) return;
    const aside = join(this.#db.path, "tmp", `write-set-${randomInt(2 ** 32)}${randomInt(2 ** 32)}`);
    rmSync(join(target, "cache-id"), { force: true });
    renameSync(target, aside);
    removeTree(aside);
  }
}
