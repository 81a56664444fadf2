/** One stored layer put together again and compared with its DiffID: what is wrong with it, file by file. */
import { join } from "node:path";
import { refuseSymlinks } from "../driver/is-directory.js";
import { irreproducibleEntries } from "../layer/irreproducible-entries.js";
import type { LayerPipeline } from "../layer/pipeline.js";
import type { LayerProgress } from "../layer/progress.js";
import { displayName } from "../model/bytes.js";
import { hexOf } from "../model/digest.js";
import { reasonText } from "../tar-split/irreproducible.js";
import type { Layer } from "./layerdb.js";
import type { Store } from "./store.js";
import { type Problem, problemOf } from "./verification.js";

/**
 * Throws what keeps it from knowing: an I/O error, an interruption.
 * @param layer with the DiffID that its image claims, which its own `diff` file may belie
 */
export async function rebuildProblems(
  store: Store,
  layer: Layer,
  pipeline: LayerPipeline,
  progress: LayerProgress | undefined,
): Promise<Problem[]> {
  const { chainId } = layer;
  progress?.waiting(chainId, { label: hexOf(layer.diffId), bytes: layer.size });
  const problems = await rebuild(store, layer, pipeline, progress);
  progress?.finished(chainId, problems.length === 0 ? "verified" : "failed");
  return problems;
}

async function rebuild(
  store: Store,
  { chainId, cacheId, diffId, size }: Layer,
  pipeline: LayerPipeline,
  progress: LayerProgress | undefined,
): Promise<Problem[]> {
  const tarSplit = store.layers.tarSplitPath(chainId);
  const directory = store.driver.contentDir(cacheId);
  try {
    refuseSymlinks(directory);
    const { damages, diffId: actual } = await pipeline.run(
      async () => ({ stage: "assemble", tarSplit, directory, subject: `layer ${chainId}` }),
      { stage: "check", diffId: null },
      { size, onProgress: (input) => progress?.working(chainId, input) },
    );
    if (damages.length === 0 && actual === diffId) return [];
    // What the layer brought, or what was done to it: the headers tell.
    const losses = (actual === diffId ? [] : irreproducibleEntries(tarSplit)).map(({ name, reason }) => {
      const path = displayName(name);
      const message = `"${path}" of layer ${chainId} cannot be given back bit for bit: ${reasonText(reason)}`;
      return { code: "DIFF_ID_MISMATCH", path, expected: diffId, actual, message } as const;
    });
    const changed = damages.filter(({ path }) => !losses.some((loss) => loss.path === path));
    if (losses.length > 0 || (changed.length > 0 && actual !== diffId)) {
      return [...changed, ...losses].map(({ path, ...problem }) => ({ subject: join(directory, path), ...problem }));
    }
    // The files are the layer's, by its DiffID or by their checksums, so it is tar-split that is not.
    const found =
      damages.length > 0 ? "checksums or sizes of files in it are wrong" : `the layer rebuilt by it is ${actual}`;
    const message = `${tarSplit} was changed: ${found}, expected ${diffId}`;
    return [{ code: "DIFF_ID_MISMATCH", subject: tarSplit, expected: diffId, actual, message }];
  } catch (thrown) {
    return [{ ...problemOf(thrown, tarSplit), subject: tarSplit }];
  }
}
