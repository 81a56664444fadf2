/** Layers on their way into the store: planned, made room for, extracted several at once, then shown or taken back. */
import { OvlError } from "../errors.js";
import { throwIfAborted } from "../layer/abort.js";
import { summarized } from "../layer/apply-warnings.js";
import type { LayerWarning } from "../layer/job.js";
import type { LayerPipeline, SecondStage } from "../layer/pipeline.js";
import type { LayerProgress } from "../layer/progress.js";
import { type CacheId, type ChainId, chainIdsOf, hexOf } from "../model/digest.js";
import type { SourceImage, SourceLayer } from "../source/source.js";
import { syncFileSystem } from "../sys/sync.js";
import { withBlob } from "./layer-input.js";
import type { Layer } from "./layerdb.js";
import { MAX_DEPTH, type NewLayer } from "./new-layer.js";
import type { Store } from "./store.js";

export interface StagingOptions {
  /** Refuse layers that could not be given back bit for bit, instead of warning. */
  readonly strict: boolean;
  /** Layers at once. */
  readonly jobs: number;
  /** What the threads may keep busy; default: every processor. */
  readonly processors?: number | undefined;
  /** Bytes that a layer may unpack to. */
  readonly maxLayerBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: LayerProgress | undefined;
}

/** A layer that the store lacks, and where it belongs. */
export interface PlannedLayer {
  readonly chainId: ChainId;
  readonly parent: ChainId | null;
  readonly layer: SourceLayer;
}

/** Parents before children; each ChainID once, however many images share it. */
export function planLayers(store: Store, images: readonly SourceImage[]): PlannedLayer[] {
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
export class Staging implements AsyncDisposable {
  readonly #store: Store;
  readonly #plan: readonly PlannedLayer[];
  readonly #begun = new Map<ChainId, NewLayer>();
  readonly #facts = new Map<ChainId, { size: number }>();

  constructor(store: Store, plan: readonly PlannedLayer[]) {
    this.#store = store;
    this.#plan = plan;
  }

  /** Whether the layer comes with this work, and was not there before. */
  has(chainId: ChainId): boolean {
    return this.#plan.some((planned) => planned.chainId === chainId);
  }

  /** Every layer verified and extracted, and its files on the disk. Throws the first failure. */
  async extract(options: StagingOptions): Promise<LayerWarning[]> {
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
    // Loaded only where there is work: a pull of what is there is mostly start-up.
    const { LayerPipeline } = await import("../layer/pipeline.js");
    await using pipeline = new LayerPipeline({ ...options, signal: AbortSignal.any(signals) });
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
    syncFileSystem(this.#store.driver.home);
    return summarized(results.flatMap((result) => (result.status === "fulfilled" ? result.value : [])));
  }

  async #extractOne(pipeline: LayerPipeline, planned: PlannedLayer, options: StagingOptions): Promise<LayerWarning[]> {
    const { chainId, layer } = planned;
    const target = this.#begun.get(chainId) as NewLayer;
    const extraction: SecondStage = {
      stage: "extract",
      diffId: layer.diffId,
      directory: target.contentDir,
      tarSplit: target.tarSplitPath,
      strict: options.strict,
    };
    const outcome = await withBlob(
      layer,
      `layer ${layer.digest ?? layer.diffId}`,
      (open) =>
        pipeline.run(open, extraction, {
          size: layer.size,
          onProgress: (input) => options.progress?.working(chainId, input),
        }),
      () => target.clear(),
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
