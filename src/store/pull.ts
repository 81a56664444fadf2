/**
 * Images from a source into the store. Everything is staged and verified before anything is named:
 *
 *  1. plan: which layers of which images the store lacks
 *  2. a write-set and a directory for each of them, parents first
 *  3. layers verified, decompressed and extracted, several at once
 *  4. file data synced, once
 *  5. layers renamed into place, bottom to top; then configs; then names, in one replacement
 *
 * A failure before 5 takes everything back; a crash leaves what `leftovers.ts` recognises.
 */
import { OvlError } from "../errors.js";
import type { BlobInput, LayerWarning } from "../layer/job.js";
import { LayerPipeline, throwIfAborted } from "../layer/pipeline.js";
import type { LayerProgress } from "../layer/progress.js";
import {
  type CacheId,
  type ChainId,
  chainIdsOf,
  type DiffId,
  type Digest,
  hexOf,
  type ImageId,
} from "../model/digest.js";
import { formatPlatform } from "../model/platform.js";
import type { SourceImage, SourceLayer } from "../source/source.js";
import { syncFileSystem } from "../sys/sync.js";
import type { Layer } from "./layerdb.js";
import type { NewLayer } from "./new-layer.js";
import type { Store } from "./store.js";
import { tagOf } from "./tag.js";

export interface PullOptions {
  /** Names that the image gets beside its own, familiar or not; only for a single image. */
  readonly tags: readonly string[];
  /** Refuse every other image id, before anything is registered. */
  readonly expect: ImageId | null;
  /** Refuse layers that could not be given back bit for bit, instead of warning. */
  readonly strict: boolean;
  /** Layers at once. */
  readonly jobs: number;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: LayerProgress | undefined;
}

export interface PulledLayer {
  /** Of the blob as it was stored; the DiffID where the source claims none. */
  readonly digest: Digest;
  readonly mediaType: string;
  readonly diffId: DiffId;
  readonly chainId: ChainId;
  readonly cacheId: CacheId;
  /** Bytes of content, as docker counts them. */
  readonly size: number;
  readonly status: "extracted" | "exists";
}

export interface PulledImage {
  readonly id: ImageId;
  readonly names: readonly string[];
  readonly platform: string;
  /** Bottom to top. */
  readonly layers: readonly PulledLayer[];
}

export interface PullResult {
  readonly images: readonly PulledImage[];
  readonly warnings: readonly LayerWarning[];
}

/**
 * dockerd's layer store refuses a layer whose parent has this depth: on-disk-format §2.6.
 */
const MAX_DEPTH = 125;

/** Throws what verification finds; then nothing of these images is in the store. */
export async function pull(store: Store, images: readonly SourceImage[], options: PullOptions): Promise<PullResult> {
  for (const image of images) refuseUnexpected(image, options.expect);
  if (options.tags.length > 0 && images.length !== 1) {
    throw new OvlError("USAGE", `--tag names one image, but the source holds ${images.length}; name one of them`);
  }
  // Before the work, not after it: a name that cannot be given, a file of names that cannot be changed.
  const tags = options.tags.map(tagOf);
  store.repositories.update(() => {});
  const plan = planLayers(store, images);
  await using staged = new Staging(store, plan);
  const warnings = await staged.extract(options);
  syncFileSystem(store.driver.home);
  throwIfAborted(options.signal);
  const named = images.map((image) => ({ image, names: [...new Set([...image.names, ...tags])] }));
  register(store, staged, named);
  return {
    images: named.map(({ image, names }) => ({
      id: image.id,
      names,
      platform: formatPlatform(image.config.platform),
      layers: pulledLayers(store, image, staged),
    })),
    warnings,
  };
}

/** Step 5: all of it or nothing. What was registered before a failure goes again, in the reverse order. */
function register(store: Store, staged: Staging, named: readonly NamedImage[]): void {
  const undo: (() => void)[] = [];
  try {
    for (const layer of staged.commit()) undo.push(() => store.layers.remove(layer, false));
    for (const { image } of named) {
      if (!store.images.has(image.id)) undo.push(() => store.images.delete(image.id));
      store.images.put(image.config.bytes, image.parent);
    }
    store.repositories.update((repositories) => {
      for (const { image, names } of named) for (const name of names) repositories.tag(name, image.id);
    });
  } catch (thrown) {
    for (const step of undo.reverse()) step();
    throw thrown;
  }
}

interface NamedImage {
  readonly image: SourceImage;
  readonly names: readonly string[];
}

function refuseUnexpected(image: SourceImage, expect: ImageId | null): void {
  if (expect === null || image.id === expect) return;
  throw new OvlError("IMAGE_ID_MISMATCH", `expected image ${expect}, found ${image.id}; nothing was stored`, {
    expected: expect,
    actual: image.id,
  });
}

/** A layer that the store lacks, and where it belongs. */
interface PlannedLayer {
  readonly chainId: ChainId;
  readonly parent: ChainId | null;
  readonly layer: SourceLayer;
}

/** Parents before children; each ChainID once, however many images share it. */
function planLayers(store: Store, images: readonly SourceImage[]): PlannedLayer[] {
  const plan = new Map<ChainId, PlannedLayer>();
  for (const image of images) {
    const chain = chainIdsOf(image.config.diffIds);
    if (chain.length > MAX_DEPTH) {
      throw new OvlError(
        "TOO_MANY_LAYERS",
        `image ${image.id} has ${chain.length} layers; docker's limit is ${MAX_DEPTH}`,
        { expected: MAX_DEPTH, actual: chain.length },
      );
    }
    chain.forEach((chainId, i) => {
      if (plan.has(chainId) || store.layers.get(chainId) !== null) return;
      plan.set(chainId, { chainId, parent: chain[i - 1] ?? null, layer: image.layers[i] as SourceLayer });
    });
  }
  return [...plan.values()];
}

/** The layers on their way in: all of them become visible by `commit`, or none. */
class Staging implements AsyncDisposable {
  readonly #store: Store;
  readonly #plan: readonly PlannedLayer[];
  readonly #begun = new Map<ChainId, NewLayer>();
  readonly #facts = new Map<ChainId, { size: number }>();

  constructor(store: Store, plan: readonly PlannedLayer[]) {
    this.#store = store;
    this.#plan = plan;
  }

  has(chainId: ChainId): boolean {
    return this.#begun.has(chainId);
  }

  async extract(options: PullOptions): Promise<LayerWarning[]> {
    if (this.#plan.length === 0) return [];
    for (const { chainId, layer } of this.#plan) {
      options.progress?.waiting(chainId, { label: hexOf(layer.digest ?? layer.diffId), bytes: layer.size });
    }
    for (const { chainId, parent } of this.#plan) {
      this.#begun.set(chainId, this.#store.layers.begin(parent === null ? null : this.#cacheIdOf(parent)));
    }
    // One layer that fails ends the others: nothing of them could be kept.
    const failed = new AbortController();
    const signals = options.signal ? [failed.signal, options.signal] : [failed.signal];
    await using pipeline = new LayerPipeline({ jobs: options.jobs, signal: AbortSignal.any(signals) });
    const results = await Promise.allSettled(
      this.#plan.map(async (planned) => {
        try {
          return await this.#extractOne(pipeline, planned, options);
        } catch (error) {
          options.progress?.finished(planned.chainId, "failed");
          if (!failed.signal.aborted) failed.abort(error);
          throw error;
        }
      }),
    );
    throwIfAborted(options.signal);
    if (failed.signal.aborted) throw failed.signal.reason;
    return results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
  }

  async #extractOne(pipeline: LayerPipeline, planned: PlannedLayer, options: PullOptions): Promise<LayerWarning[]> {
    const { chainId, layer } = planned;
    const target = this.#begun.get(chainId) as NewLayer;
    const outcome = await pipeline.run(
      async () => ({ stage: "decode", input: await blobInput(layer) }),
      {
        stage: "extract",
        diffId: layer.diffId,
        directory: target.contentDir,
        tarSplit: target.tarSplitPath,
        strict: options.strict,
      },
      (input) => options.progress?.working(chainId, input),
    );
    this.#facts.set(chainId, { size: outcome.size });
    options.progress?.finished(chainId, "extracted");
    return [...outcome.warnings];
  }

  /** The layers that became visible, bottom to top, each as it does. */
  *commit(): Generator<Layer> {
    for (const { chainId, parent, layer } of this.#plan) {
      const { size } = this.#facts.get(chainId) as { size: number };
      yield (this.#begun.get(chainId) as NewLayer).commit({ diffId: layer.diffId, parent, size });
    }
  }

  #cacheIdOf(chainId: ChainId): CacheId {
    const begun = this.#begun.get(chainId);
    if (begun !== undefined) return begun.cacheId;
    const stored = this.#store.layers.get(chainId);
    if (stored === null) throw new OvlError("INTERNAL", `layer ${chainId} is neither planned nor stored`);
    return stored.cacheId;
  }

  /** Top first, so that no layer ever stands on one that has gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const layer of [...this.#begun.values()].reverse()) layer[Symbol.dispose]();
  }
}

async function blobInput(layer: SourceLayer): Promise<BlobInput> {
  return { range: await layer.open(), digest: layer.digest, subject: `layer ${layer.digest ?? layer.diffId}` };
}

function pulledLayers(store: Store, image: SourceImage, staged: Staging): PulledLayer[] {
  return chainIdsOf(image.config.diffIds).map((chainId, i) => {
    const layer = image.layers[i] as SourceLayer;
    const stored = store.layers.get(chainId);
    if (stored === null) throw new OvlError("INTERNAL", `layer ${chainId} has gone`);
    return {
      digest: layer.digest ?? (layer.diffId as string as Digest),
      mediaType: layer.mediaType,
      diffId: layer.diffId,
      chainId,
      cacheId: stored.cacheId,
      size: stored.size,
      status: staged.has(chainId) ? "extracted" : "exists",
    };
  });
}
