/** Which of several directories holds a layer's files: the one that it is rebuilt from, bit for bit. */
import type { LayerPipeline } from "../layer/pipeline.js";
import type { CacheId, ChainId, DiffId } from "../model/digest.js";
import { rebuildProblems } from "../store/rebuild.js";
import type { Store } from "../store/store.js";
import { compareWithHeaders } from "./checks/tampering.js";
import { readLayerNodes } from "./layer-headers.js";

export interface Sought {
  readonly chainId: ChainId;
  readonly diffId: DiffId;
}

/** Those of the directories that the layer can be rebuilt from. */
export async function directoriesOf(
  store: Store,
  pipeline: LayerPipeline,
  layer: Sought,
  candidates: readonly CacheId[],
): Promise<CacheId[]> {
  const found: CacheId[] = [];
  for (const cacheId of candidates) {
    if (!store.driver.has(cacheId)) continue;
    const problems = await rebuildProblems(store, { ...layer, cacheId, parent: null, size: 0 }, pipeline, undefined);
    if (problems.length === 0) found.push(cacheId);
  }
  return found;
}

/**
 * @param stated what `cache-id` says, @param others directories that may be the layer's as well
 * @returns null where nobody can say
 */
export async function provenDirectory(
  store: Store,
  pipeline: LayerPipeline,
  layer: Sought,
  stated: CacheId,
  others: readonly CacheId[],
): Promise<CacheId | null> {
  // A layer without contents is rebuilt from any directory.
  const isWhole = (cacheId: CacheId) => {
    const nodes = readLayerNodes(store.layers.tarSplitPath(layer.chainId));
    const options = { buildKit: cacheId.length === 25 };
    return compareWithHeaders(store.driver.contentDir(cacheId), nodes, options).length === 0;
  };
  const own = await directoriesOf(store, pipeline, layer, [stated]);
  if (own.some(isWhole)) return stated;
  const found = [...own, ...(await directoriesOf(store, pipeline, layer, others))];
  if (found.length > 1) {
    const [only, second] = found.filter(isWhole);
    return only !== undefined && second === undefined ? only : (own[0] ?? null);
  }
  return found[0] ?? null;
}
