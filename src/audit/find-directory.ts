/** Which of several directories holds a layer's files: the one that it is rebuilt from, bit for bit. */
import type { LayerPipeline } from "../layer/pipeline.js";
import type { CacheId, ChainId, DiffId } from "../model/digest.js";
import type { Layer } from "../store/layerdb.js";
import { rebuildProblems } from "../store/rebuild.js";
import type { Store } from "../store/store.js";
import { isBuildKits } from "./buildkit.js";
import { compareWithHeaders } from "./checks/tampering.js";
import type { Doubt } from "./fsck-doubts.js";
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
    const problems = await rebuildProblems(store, asLayer(layer, cacheId), pipeline, undefined);
    if (problems.length === 0) found.push(cacheId);
  }
  return found;
}

/** What was proven of layers in doubt: several findings may ask of one, and rebuilding it takes its time. */
export type Proofs = Map<Doubt, CacheId | null>;

/** @returns null where nobody can say */
export async function provenDirectory(
  store: Store,
  pipeline: LayerPipeline,
  doubt: Doubt,
  proofs: Proofs,
): Promise<CacheId | null> {
  const known = proofs.get(doubt);
  if (known !== undefined) return known;
  const proven = await prove(store, pipeline, doubt);
  proofs.set(doubt, proven);
  return proven;
}

async function prove(store: Store, pipeline: LayerPipeline, doubt: Doubt): Promise<CacheId | null> {
  const { chainId, cacheId: stated, others, mustBeProven } = doubt;
  const tarSplit = store.layers.tarSplitPath(chainId);
  // A layer without contents is rebuilt from any directory.
  const isWhole = (cacheId: CacheId) => {
    const options = { buildKit: isBuildKits(cacheId) };
    return compareWithHeaders(store.driver.contentDir(cacheId), readLayerNodes(tarSplit), options).length === 0;
  };
  const problems = await rebuildProblems(store, asLayer(doubt, stated), pipeline, undefined);
  if (problems.length === 0 && isWhole(stated)) return stated;
  const own = problems.length === 0 ? [stated] : [];
  const found = [...own, ...(await directoriesOf(store, pipeline, doubt, others))];
  if (found.length > 1) {
    const [only, second] = found.filter(isWhole);
    return only !== undefined && second === undefined ? only : (own[0] ?? null);
  }
  const [only] = found;
  if (only !== undefined) return only;
  const provesNothing = problems.some(({ subject }) => subject === tarSplit);
  return provesNothing && !mustBeProven ? stated : null;
}

function asLayer({ chainId, diffId }: Sought, cacheId: CacheId): Layer {
  return { chainId, diffId, cacheId, parent: null, size: 0 };
}
