/** How an image's DiffIDs become ChainIDs, and where each layer lies. */
import type { ImageConfig } from "../model/config.js";
import { type CacheId, type ChainId, chainIdsOf, type DiffId, type ImageId } from "../model/digest.js";
import type { Store } from "./store.js";
import { missingLayer, readImage } from "./stored-image.js";
import type { StoreWarning } from "./warning.js";

export interface ChainLink {
  /** 0 is the bottom. */
  readonly index: number;
  readonly diffId: DiffId;
  readonly chainId: ChainId;
  /** ChainID of the layer below; null at the bottom. */
  readonly parent: ChainId | null;
  /** These four are null where the layer is in no store, or not in order there. */
  readonly cacheId: CacheId | null;
  /** The short name below `overlay2/l`. */
  readonly link: string | null;
  /** Absolute path of the directory with the layer's content. */
  readonly dir: string | null;
  /** Bytes of content. */
  readonly size: number | null;
}

export interface Chain {
  readonly imageId: ImageId;
  /** Bottom to top. */
  readonly layers: readonly ChainLink[];
}

export function imageChain(store: Store, id: ImageId): Chain & { readonly warnings: readonly StoreWarning[] } {
  const image = readImage(store, id);
  const missing = missingLayer(store, image);
  const layers = configChain(image.config).layers.map((link, i) => {
    const layer = image.layers[i] ?? null;
    if (layer === null) return link;
    const { cacheId, size } = layer;
    return { ...link, cacheId, link: store.driver.link(cacheId), dir: store.driver.contentDir(cacheId), size };
  });
  const warnings: StoreWarning[] = missing === null ? [] : [{ code: "BAD_IMAGE", subject: id, message: missing }];
  const bad = (subject: ChainId, what: string) =>
    warnings.push({ code: "BAD_LAYER", subject, message: `layer ${subject}: ${what}` });
  for (const { chainId, cacheId, dir, link } of layers) {
    if (cacheId === null) continue;
    if (!store.driver.has(cacheId)) bad(chainId, `its directory ${dir} is missing`);
    else if (link === null && store.driver.name === "overlay2") {
      bad(chainId, `${store.driver.dir(cacheId)}/link is missing or holds no short name`);
    }
  }
  return { imageId: id, layers, warnings };
}

/** The chain of an image that is in no store. */
export function configChain(config: ImageConfig): Chain {
  const chain = chainIdsOf(config.diffIds);
  const layers = config.diffIds.map((diffId, index) => ({
    index,
    diffId,
    chainId: chain[index] as ChainId,
    parent: chain[index - 1] ?? null,
    cacheId: null,
    link: null,
    dir: null,
    size: null,
  }));
  return { imageId: config.id, layers };
}

/** The value of `lowerdir=` for mount(8), top to bottom; colons and backslashes in paths are escaped. */
export function lowerDirOption(chain: Chain): string {
  return chain.layers
    .map(({ dir }) => dir ?? "")
    .reverse()
    .map((dir) => dir.replace(/[\\:,]/g, "\\$&"))
    .join(":");
}
