/** What an `ovl save` is asked for: images with the names they go by, and the layers that have to be written. */
import { OvlError } from "../errors.js";
import type { ImageConfig } from "../model/config.js";
import type { ChainId, DiffId, ImageId } from "../model/digest.js";
import { familiarString, parseReference, type Reference, withDefaultTag } from "../model/reference.js";
import { isParent } from "../source/docker-parents.js";
import type { Layer } from "./layerdb.js";
import { resolveImage } from "./resolve.js";
import type { Store } from "./store.js";
import { missingLayer, readImage, type StoredImage } from "./stored-image.js";

export interface PlannedImage {
  readonly id: ImageId;
  readonly config: ImageConfig;
  /** Those of its names that it was asked for by, in that order; none for an id. */
  readonly names: readonly Reference[];
  /** ChainID of its topmost layer that is not in the archive, and has to be where that is loaded; null: all are. */
  readonly base: ChainId | null;
  /** Another image of this plan on which it was built, as docker understands that; else null. */
  readonly parent: ImageId | null;
}

export interface SavePlan {
  /** In the order asked for, each once. */
  readonly images: readonly PlannedImage[];
  /** Layers to write, each DiffID once, bottom to top, image by image. */
  readonly layers: readonly Layer[];
  readonly warnings: readonly { readonly message: string }[];
}

/**
 * @param names of images as users write them: names, ids, beginnings of ids
 * @param since an image whose layers are left out; null for none
 * Throws NOT_FOUND, AMBIGUOUS, USAGE, and BAD_ROOT for an image with a layer that is not in order.
 */
export function planSave(store: Store, names: readonly string[], since: string | null): SavePlan {
  const asked = new Map<ImageId, Reference[]>();
  for (const text of names) {
    const id = resolveImage(store, text);
    const before = asked.get(id) ?? [];
    const name = nameOf(store, text, id);
    const isNew = name !== null && !before.some((known) => familiarString(known) === familiarString(name));
    asked.set(id, isNew ? [...before, name] : before);
  }
  const images = [...asked.keys()].map((id) => completeImage(store, id));
  const left = new Set(since === null ? [] : readImage(store, resolveImage(store, since)).chain);
  const layers = layersOf(images, left);
  const planned = images.map((image): PlannedImage => {
    const top = image.config.diffIds.findLastIndex((diffId) => !layers.has(diffId));
    const parent = images.find(
      ({ id, config }) => id === image.parent && isParent(image.config.history, config.history),
    );
    const names = asked.get(image.id) ?? [];
    return { id: image.id, config: image.config, names, base: image.chain[top] ?? null, parent: parent?.id ?? null };
  });
  const unrelated = images.filter(({ chain }) => since !== null && !left.has(chain[0] as ChainId));
  return {
    images: planned,
    layers: [...layers.values()],
    warnings: unrelated.map(({ id }) => ({
      message: `${asked.get(id)?.map(familiarString)[0] ?? id} shares no layer with ${since}; all of it is in the archive`,
    })),
  };
}

/** The name that an argument is, where it is one: docker saves an image under the names it was asked for by. */
export function nameOf(store: Store, text: string, id: ImageId): Reference | null {
  if (text.startsWith("sha256:") || /^[0-9a-f]{64}$/.test(text)) return null;
  const reference = withDefaultTag(parseReference(text));
  return reference.digest === null && store.repositories.get(reference) === id ? reference : null;
}

function completeImage(store: Store, id: ImageId): StoredImage {
  const image = readImage(store, id);
  const missing = missingLayer(store, image);
  if (missing === null) return image;
  throw new OvlError("BAD_ROOT", `${missing}, so it cannot be saved; ovl verify ${id} says more`, { id });
}

/** A DiffID in two places of a stack, or in two stacks, is one tar: it is written from where it comes first. */
function layersOf(images: readonly StoredImage[], left: ReadonlySet<ChainId>): Map<DiffId, Layer> {
  const layers = new Map<DiffId, Layer>();
  for (const image of images) {
    image.config.diffIds.forEach((diffId, i) => {
      const layer = image.layers[i] as Layer;
      // The config's word counts: it is what the image id promises.
      if (!left.has(layer.chainId) && !layers.has(diffId)) layers.set(diffId, { ...layer, diffId });
    });
  }
  return layers;
}
