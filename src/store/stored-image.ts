/** An image of the store with everything that listing, inspecting and deleting need to know of it. */
import { OvlError } from "../errors.js";
import { type ImageConfig, parseImageConfig } from "../model/config.js";
import { type ChainId, chainIdsOf, type ImageId } from "../model/digest.js";
import type { Layer } from "./layerdb.js";
import type { Store } from "./store.js";
import type { StoreWarning } from "./warning.js";

export interface StoredImage {
  readonly id: ImageId;
  readonly config: ImageConfig;
  /** Bottom to top, one for each DiffID. */
  readonly chain: readonly ChainId[];
  /** The layer of each ChainID; null where the store does not have it in order. */
  readonly layers: readonly (Layer | null)[];
  /** Bytes of all layers that are there, as `docker images` counts them. */
  readonly size: number;
  /** The image that is noted as the one it was built on, which may have gone. */
  readonly parent: ImageId | null;
}

/**
 * One image, damaged layers and all.
 * Throws what makes the config itself unusable: NOT_FOUND, BAD_ROOT, IMAGE_ID_MISMATCH, BAD_CONFIG.
 */
export function readImage(store: Store, id: ImageId): StoredImage {
  const config = parseConfig(store, id);
  const chain = chainIdsOf(config.diffIds);
  const layers = chain.map((chainId) => store.layers.get(chainId));
  const top = chain.at(-1);
  // Where a `parent` file is missing, docker's sum is not the sum over the image's layers: its is over parents.
  const stack = (top === undefined ? null : store.layers.stack(top)) ?? layers;
  const size = stack.reduce((sum, layer) => sum + (layer?.size ?? 0), 0);
  return { id, config, chain, layers, size, parent: store.images.parent(id) };
}

export interface Catalog {
  /** The images that dockerd would load, by id, in order of their ids. */
  readonly images: ReadonlyMap<ImageId, StoredImage>;
  /** For each image the images that were built on it. */
  readonly children: ReadonlyMap<ImageId, readonly ImageId[]>;
  /** A warning for each image that it would not. */
  readonly warnings: readonly StoreWarning[];
}

/** Every image of the store. */
export function readCatalog(store: Store): Catalog {
  const images = new Map<ImageId, StoredImage>();
  const warnings: StoreWarning[] = [];
  for (const id of store.images.ids()) {
    try {
      const image = readImage(store, id);
      const missing = missingLayer(store, image);
      if (missing === null) images.set(id, image);
      else warnings.push({ code: "BAD_IMAGE", subject: id, message: missing });
    } catch (thrown) {
      if (!(thrown instanceof OvlError)) throw thrown;
      warnings.push({ code: "BAD_IMAGE", subject: id, message: `image ${id} is left out: ${thrown.message}` });
    }
  }
  const children = new Map<ImageId, ImageId[]>();
  for (const { id, parent } of images.values()) {
    if (parent === null || !images.has(parent)) continue;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [id]);
    else siblings.push(id);
  }
  return { images, children, warnings };
}

/** Why dockerd would not load the image, where a layer is why; else null. */
export function missingLayer(store: Store, { id, chain, layers }: StoredImage): string | null {
  const index = layers.indexOf(null);
  const chainId = chain[index];
  if (chainId === undefined) return null;
  return `image ${id} is incomplete: layer ${index} (${chainId}) ${store.layers.problem(chainId)}`;
}

function parseConfig(store: Store, id: ImageId): ImageConfig {
  const bytes = store.images.read(id);
  try {
    return parseImageConfig(bytes);
  } catch (thrown) {
    if (!(thrown instanceof OvlError)) throw thrown;
    throw new OvlError(thrown.code, `image ${id}: ${thrown.message}`, { ...thrown.fields, id }, { cause: thrown });
  }
}
