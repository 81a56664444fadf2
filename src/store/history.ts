/** The steps that made an image, newest first, joined with its layers as `docker history` joins them. */
import type { ImageConfig } from "../model/config.js";
import { type ChainId, chainIdsOf, type DiffId, type ImageId } from "../model/digest.js";
import { rfc3339 } from "./images.js";
import type { Store } from "./store.js";
import { missingLayer, readImage } from "./stored-image.js";
import type { StoreWarning } from "./warning.js";

export interface HistoryStep {
  readonly createdBy: string;
  /** RFC 3339; null where the config does not say. */
  readonly created: string | null;
  readonly comment: string;
  /** Bytes of the layer's content; 0 for a step without a layer, null where the store does not know. */
  readonly size: number | null;
  readonly emptyLayer: boolean;
  /** null for a step without a layer. */
  readonly diffId: DiffId | null;
  readonly chainId: ChainId | null;
  /** The image that this step ended in, where the store has it; docker prints `<missing>` for null. */
  readonly imageId: ImageId | null;
}

export function imageHistory(store: Store, id: ImageId): { history: HistoryStep[]; warnings: StoreWarning[] } {
  const image = readImage(store, id);
  const sizes = image.layers.map((layer) => layer?.size ?? null);
  const missing = missingLayer(store, image);
  return {
    history: configHistory(image.config, sizes, lineage(store, id, image.config.history.length)),
    warnings: missing === null ? [] : [{ code: "BAD_IMAGE", subject: id, message: missing }],
  };
}

/**
 * @param sizes of the layers, bottom to top, null where unknown; may be shorter than the image
 * @param lineage the image, its parent, that one's parent, and so on, as far as known
 */
export function configHistory(
  config: ImageConfig,
  sizes: readonly (number | null)[],
  lineage: readonly ImageId[],
): HistoryStep[] {
  const chain = chainIdsOf(config.diffIds);
  let layer = 0;
  const steps = config.history.map((entry) => {
    const index = entry.emptyLayer ? null : layer++;
    return {
      createdBy: entry.createdBy,
      created: rfc3339(entry.created),
      comment: entry.comment,
      size: index === null ? 0 : (sizes[index] ?? null),
      emptyLayer: entry.emptyLayer,
      diffId: index === null ? null : (config.diffIds[index] ?? null),
      chainId: index === null ? null : (chain[index] ?? null),
    };
  });
  return steps.reverse().map((step, i) => ({ ...step, imageId: lineage[i] ?? null }));
}

/** The image and its ancestors as far as the store has them, one a step at most. */
function lineage(store: Store, id: ImageId, steps: number): ImageId[] {
  const ids: ImageId[] = [];
  for (let next: ImageId | null = id; next !== null && ids.length < steps && store.images.has(next); ) {
    ids.push(next);
    next = store.images.parent(next);
  }
  return ids;
}
