/** A root filesystem made an image of one layer, as `docker import` makes it. */
import { throwIfAborted } from "../layer/abort.js";
import { summarized } from "../layer/apply-warnings.js";
import type { LayerOutcome, LayerWarning } from "../layer/job.js";
import { LayerPipeline } from "../layer/pipeline.js";
import type { LayerProgress } from "../layer/progress.js";
import { chainIdOf, type ImageId } from "../model/digest.js";
import type { RootfsFile } from "../source/rootfs-file.js";
import { syncFileSystem } from "../sys/sync.js";
import { type ImportedImage, importedConfig } from "./import-config.js";
import { naming } from "./layer-input.js";
import type { NewLayer } from "./new-layer.js";
import { registerImage } from "./register-image.js";
import type { Store } from "./store.js";
import { tagOf } from "./tag.js";

export interface ImportOptions extends ImportedImage {
  /** Name that the image gets; null for none. */
  readonly name: string | null;
  /** Bytes that the tar may unpack to. */
  readonly maxLayerBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: LayerProgress | undefined;
}

export interface ImportResult {
  readonly id: ImageId;
  readonly warnings: readonly LayerWarning[];
}

/** Throws what is wrong with the tar; then nothing of it is in the store. */
export async function importRootfs(store: Store, rootfs: RootfsFile, options: ImportOptions): Promise<ImportResult> {
  // Before the work, not after it: a name that cannot be given, a file of names that cannot be changed.
  const name = options.name === null ? null : tagOf(options.name);
  store.repositories.update(() => {});
  using layer = store.layers.begin(null);
  const outcome = await extract(rootfs, layer, options);
  syncFileSystem(store.driver.home);
  throwIfAborted(options.signal);
  const id = register(store, layer, outcome, importedConfig(outcome.diffId, options), name);
  return { id, warnings: summarized(outcome.warnings) };
}

async function extract(rootfs: RootfsFile, layer: NewLayer, options: ImportOptions): Promise<LayerOutcome> {
  const { range, location } = rootfs;
  const { maxLayerBytes, progress, signal } = options;
  progress?.waiting(location, { label: location, bytes: range.size });
  await using pipeline = new LayerPipeline({ jobs: 1, maxLayerBytes, signal });
  try {
    const outcome = await pipeline.run(
      async () => ({ stage: "decode", input: { range, digest: null, subject: location } }),
      { stage: "extract", diffId: null, directory: layer.contentDir, tarSplit: layer.tarSplitPath, strict: false },
      { size: range.size, onProgress: (input) => progress?.working(location, input) },
    );
    progress?.finished(location, "extracted");
    return outcome;
  } catch (error) {
    progress?.finished(location, "failed");
    throw naming(error, location);
  }
}

/** Layer, config, name; what was registered before a failure goes again. */
function register(store: Store, layer: NewLayer, outcome: LayerOutcome, config: Buffer, name: string | null): ImageId {
  const { diffId, size } = outcome;
  const undo: (() => void)[] = [];
  const isNewLayer = store.layers.get(chainIdOf(null, diffId)) === null;
  const committed = layer.commit({ diffId, parent: null, size });
  if (isNewLayer) undo.push(() => store.layers.remove(committed, false));
  return registerImage(store, config, null, name, undo);
}
