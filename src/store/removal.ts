/**
 * A root on its way to fewer images: what stands on what, kept up to date while images go. With `dryRun` only
 * this picture changes, so that a plan is what would really happen.
 */

import { OvlError } from "../errors.js";
import type { CacheId, ChainId, ImageId } from "../model/digest.js";
import type { Reference } from "../model/reference.js";
import { cachedLayers } from "./build-cache.js";
import { markImages } from "./image-marks.js";
import type { Layer } from "./layerdb.js";
import type { Container } from "./mounts.js";
import type { Store } from "./store.js";
import { readImage } from "./stored-image.js";

/** One line of what docker prints, in its order. */
export type RemovalRecord =
  | { readonly kind: "untagged"; readonly name: string }
  | { readonly kind: "deleted"; readonly id: ImageId | ChainId };

interface RemovableImage {
  readonly parent: ImageId | null;
  /** The topmost layer that is there. */
  readonly top: ChainId | null;
}

export class Removal {
  readonly store: Store;
  readonly records: RemovalRecord[] = [];
  /** Bytes of the layers that went. */
  reclaimedBytes = 0;
  readonly #dryRun: boolean;
  /** Damaged images too: they are to go like any other, and what is there of them is theirs until then. */
  readonly #images = new Map<ImageId, RemovableImage>();
  readonly #references = new Map<ImageId, Reference[]>();
  /** Names that are to go and are still on disk. */
  readonly #untagged = new Map<ImageId, { readonly stored: Reference; readonly record: RemovalRecord }[]>();
  readonly #layerUsers = new Map<ChainId, number>();
  readonly #cacheIdUsers = new Map<CacheId, number>();
  readonly #cached: Pick<ReadonlySet<ChainId>, "has">;

  /** Throws BAD_ROOT where the names of the images are not known. */
  constructor(store: Store, dryRun: boolean) {
    store.repositories.refuseDamage();
    this.store = store;
    this.#dryRun = dryRun;
    this.#cached = cachedLayers(store.root);
    for (const id of store.images.ids()) {
      const image = readRemovable(store, id);
      this.#images.set(id, image);
      this.#references.set(id, [...store.repositories.of(id)]);
      if (image.top !== null) count(this.#layerUsers, image.top, 1);
    }
    for (const { parent, cacheId } of store.layers.list().layers) {
      if (parent !== null) count(this.#layerUsers, parent, 1);
      count(this.#cacheIdUsers, cacheId, 1);
    }
    for (const { parent, mountId, initId } of store.users.mounts) {
      if (parent !== null) count(this.#layerUsers, parent, 1);
      for (const id of [mountId, initId]) if (id !== null) count(this.#cacheIdUsers, id, 1);
    }
  }

  ids(): ImageId[] {
    return [...this.#images.keys()];
  }

  has(id: ImageId): boolean {
    return this.#images.has(id);
  }

  parent(id: ImageId): ImageId | null {
    return this.#images.get(id)?.parent ?? null;
  }

  hasChildren(id: ImageId): boolean {
    for (const { parent } of this.#images.values()) if (parent === id) return true;
    return false;
  }

  /** In the order of their full form. */
  references(id: ImageId): readonly Reference[] {
    return this.#references.get(id) ?? [];
  }

  containers(id: ImageId): readonly Container[] {
    return this.store.users.containers.filter(({ imageId }) => imageId === id);
  }

  /** Not on disk before `flush`. @param stored one of `references(id)`; @param name as the user is told */
  untag(id: ImageId, stored: Reference, name: string): void {
    const left = this.references(id).filter((reference) => reference !== stored);
    this.#references.set(id, left);
    const record = { kind: "untagged", name } as const;
    this.#untagged.set(id, [...(this.#untagged.get(id) ?? []), { stored, record }]);
    this.records.push(record);
  }

  /**
   * Takes the names away on disk: those of one image, or all that are still to go. An image that goes loses its names
   * after its config: whatever interrupts that, it is there with its names or not there. Where they cannot be written,
   * none of them is told to be gone.
   */
  flush(id: ImageId | null = null): void {
    const ids = id === null ? [...this.#untagged.keys()] : [id];
    const gone = ids.flatMap((one) => this.#untagged.get(one) ?? []);
    try {
      if (!this.#dryRun && gone.length > 0) {
        this.store.repositories.update((names) => {
          for (const { stored } of gone) names.remove(stored);
        });
      }
    } catch (thrown) {
      for (const one of ids) this.#keepNames(one);
      throw thrown;
    }
    for (const one of ids) this.#untagged.delete(one);
  }

  /** The layers that would go with an image, top down: those that nothing else stands on, BuildKit's cache included. */
  layersOf(id: ImageId): Layer[] {
    const layers: Layer[] = [];
    for (let next = this.#images.get(id)?.top ?? null; next !== null && this.#layerUsers.get(next) === 1; ) {
      const layer = this.store.layers.get(next);
      if (layer === null || this.#cached.has(next)) break;
      layers.push(layer);
      next = layer.parent;
    }
    return layers;
  }

  #mark(id: ImageId): Disposable | null {
    try {
      return markImages(this.store.layers.path, [id]);
    } catch (thrown) {
      // A full disk is when images have to go; one without names needs no room for that.
      if (thrown instanceof OvlError && thrown.code === "NO_SPACE" && !this.#untagged.has(id)) return null;
      throw thrown;
    }
  }

  /** Where this fails the image stays, and so do its names. @returns its mark, which stays where what follows fails */
  #deleteConfig(id: ImageId): Disposable | null {
    try {
      const mark = this.#mark(id);
      this.store.images.delete(id);
      return mark;
    } catch (thrown) {
      this.#keepNames(id);
      throw thrown;
    }
  }

  #keepNames(id: ImageId): void {
    const kept = new Set((this.#untagged.get(id) ?? []).map(({ record }) => record));
    this.#untagged.delete(id);
    this.#references.set(id, [...this.store.repositories.of(id)]);
    this.records.splice(0, Number.POSITIVE_INFINITY, ...this.records.filter((record) => !kept.has(record)));
  }

  /** The image, which has no names left, and its layers. */
  delete(id: ImageId): void {
    const layers = this.layersOf(id);
    const last = layers.at(-1);
    const kept = last === undefined ? this.#images.get(id)?.top : last.parent;
    // First: an image whose config stays keeps its layers, whatever goes after it.
    const mark = this.#dryRun ? null : this.#deleteConfig(id);
    if (kept !== null && kept !== undefined) count(this.#layerUsers, kept, -1);
    this.#images.delete(id);
    this.flush(id);
    mark?.[Symbol.dispose]();
    this.records.push({ kind: "deleted", id });
    for (const layer of layers) {
      this.#layerUsers.delete(layer.chainId);
      const shared = count(this.#cacheIdUsers, layer.cacheId, -1) > 0;
      if (!this.#dryRun) this.store.layers.remove(layer, shared);
      this.records.push({ kind: "deleted", id: layer.chainId });
      this.reclaimedBytes += layer.size;
    }
  }
}

function readRemovable(store: Store, id: ImageId): RemovableImage {
  try {
    const { chain, layers, parent } = readImage(store, id);
    const above = layers.indexOf(null);
    return { parent, top: (above < 0 ? chain.at(-1) : chain[above - 1]) ?? null };
  } catch (thrown) {
    if (!(thrown instanceof OvlError)) throw thrown;
    // Nobody can say which layers an unreadable config means.
    return { parent: null, top: null };
  }
}

function count<K>(counts: Map<K, number>, key: K, by: number): number {
  const now = (counts.get(key) ?? 0) + by;
  counts.set(key, now);
  return now;
}
