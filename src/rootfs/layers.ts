/** Which directories a container's or an image's file system is made of, topmost first. */
import { OvlError } from "../errors.js";
import type { CacheId, ChainId, ImageId } from "../model/digest.js";
import type { Layer } from "../store/layerdb.js";
import type { Container } from "../store/mounts.js";
import { resolveImage } from "../store/resolve.js";
import { findContainer, noContainerOrImage } from "../store/resolve-container.js";
import type { Store } from "../store/store.js";
import { missingLayer, readImage } from "../store/stored-image.js";

export interface UnionLayer {
  /** As `ovl chain` counts: 0 is the image's bottom. A container's init layer and its own lie above the image's top. */
  readonly index: number;
  readonly kind: "read-write" | "init" | "image";
  /** null for a container's. */
  readonly chainId: ChainId | null;
  readonly cacheId: CacheId;
  /** With the layer's content, absolute. */
  readonly dir: string;
}

/** What CONTAINER|IMAGE means. */
export type RootfsTarget =
  | { readonly kind: "container"; readonly id: string; readonly container: Container }
  | { readonly kind: "image"; readonly id: ImageId };

/**
 * A container before an image of the same name, as docker inspect has it. Throws NOT_FOUND, AMBIGUOUS, USAGE,
 * PERMISSION.
 */
export function resolveTarget(store: Store, text: string): RootfsTarget {
  const container = findContainer(store, text);
  if (container !== null) return { kind: "container", id: container.id, container };
  try {
    return { kind: "image", id: resolveImage(store, text) };
  } catch (thrown) {
    throw noContainerOrImage(store, text, thrown);
  }
}

/** Layers topmost first. Throws BAD_ROOT where the root does not say all of them. */
export function layersOf(store: Store, target: RootfsTarget): UnionLayer[] {
  return target.kind === "image" ? imageLayers(store, target.id) : containerLayers(store, target.container);
}

function imageLayers(store: Store, id: ImageId): UnionLayer[] {
  const image = readImage(store, id);
  const missing = missingLayer(store, image);
  if (missing !== null) throw new OvlError("BAD_ROOT", missing, { image: id });
  return unionLayers(store, image.layers as readonly Layer[]);
}

function containerLayers(store: Store, { id, mount, imageId }: Container): UnionLayer[] {
  const mountId = mount?.mountId ?? null;
  if (mount === null || mountId === null) {
    const path = `${store.layers.path}/mounts/${id}`;
    throw new OvlError("BAD_ROOT", `container ${id} has no read-write layer: ${path}/mount-id is missing or invalid`, {
      path,
    });
  }
  const parent = mount.parent ?? topOfImage(store, imageId);
  const image = parent === null ? [] : unionLayers(store, stackOf(store, id, parent));
  const own = (kind: "read-write" | "init", cacheId: CacheId, index: number): UnionLayer => {
    return { index, kind, chainId: null, cacheId, dir: store.driver.contentDir(cacheId) };
  };
  const above = (image[0]?.index ?? -1) + 1;
  // The overlay driver copies the init layer into the container's: its mount has one lower directory.
  if (mount.initId === null || store.driver.name === "overlay") return [own("read-write", mountId, above), ...image];
  return [own("read-write", mountId, above + 1), own("init", mount.initId, above), ...image];
}

/** What a container stands on whose mount has lost its `parent`; null for an image without layers, or none. */
function topOfImage(store: Store, imageId: ImageId | null): ChainId | null {
  return imageId === null || !store.images.has(imageId) ? null : (readImage(store, imageId).chain.at(-1) ?? null);
}

function stackOf(store: Store, containerId: string, parent: ChainId): Layer[] {
  const stack = store.layers.stack(parent);
  if (stack !== null) return stack;
  const problem = store.layers.problem(parent);
  throw new OvlError("BAD_ROOT", `container ${containerId} stands on layer ${parent}, which ${problem}`, {
    container: containerId,
    chainId: parent,
  });
}

/** @param layers bottom to top */
function unionLayers(store: Store, layers: readonly Layer[]): UnionLayer[] {
  const all = layers.map(({ chainId, cacheId }, index): UnionLayer => {
    return { index, kind: "image", chainId, cacheId, dir: store.driver.contentDir(cacheId) };
  });
  // A layer of the overlay driver is the whole tree up to it.
  return store.driver.name === "overlay" ? all.slice(-1) : all.reverse();
}
