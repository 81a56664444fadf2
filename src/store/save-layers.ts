/** Stored layers put together again and written to files, several at once. */
import { join } from "node:path";
import type { FileSink } from "../blob/file-sink.js";
import { obstacleToContent } from "../driver/is-directory.js";
import { OvlError } from "../errors.js";
import type { LayerCompression, LayerOutcome } from "../layer/job.js";
import { LayerPipeline } from "../layer/pipeline.js";
import type { LayerProgress } from "../layer/progress.js";
import { type Digest, hexOf } from "../model/digest.js";
import type { Layer } from "./layerdb.js";
import type { Store } from "./store.js";

export interface LayerWriterOptions {
  /** Layers at once. */
  readonly jobs: number;
  readonly compression: LayerCompression;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: LayerProgress | undefined;
}

/** A blob as it was written. */
export interface Written {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** Disposed, it has stopped all writing: the files may be closed then. */
export class LayerWriter implements AsyncDisposable {
  readonly #store: Store;
  readonly #options: LayerWriterOptions;
  readonly #pipeline: LayerPipeline;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>[] = [];

  constructor(store: Store, options: LayerWriterOptions) {
    this.#store = store;
    this.#options = options;
    const signals = options.signal ? [this.#stop.signal, options.signal] : [this.#stop.signal];
    // The limit of a pull was the user's to choose; what is stored is given back.
    const maxLayerBytes = Number.POSITIVE_INFINITY;
    this.#pipeline = new LayerPipeline({ jobs: options.jobs, maxLayerBytes, signal: AbortSignal.any(signals) });
  }

  /**
   * Writes a layer, its DiffID checked. The first one that fails ends the others, which then fail alike.
   * Rejects with an error that names the file at fault.
   * @param sink open for writing
   * @param offset where the first byte goes; null: at the current position
   */
  write(layer: Layer, sink: FileSink, offset: number | null): Promise<Written> {
    const writing = this.#write(layer, sink, offset);
    // Whoever waits for it hears of a failure; that nobody does yet is no crash.
    this.#running.push(writing.catch((error) => this.#stop.abort(error)));
    return writing;
  }

  async #write(layer: Layer, { fd, file }: FileSink, offset: number | null): Promise<Written> {
    const { progress, compression } = this.#options;
    const { chainId, diffId, cacheId } = layer;
    const directory = this.#store.driver.contentDir(cacheId);
    const tarSplit = this.#store.layers.tarSplitPath(chainId);
    progress?.waiting(diffId, { label: hexOf(diffId), bytes: layer.size });
    try {
      refuseWithoutContent(layer, directory);
      const outcome = await this.#pipeline.run(
        async () => ({ stage: "assemble", tarSplit, directory, subject: `layer ${chainId}` }),
        { stage: "write", sink: { fd, file }, offset, compression },
        { size: layer.size, onProgress: (input) => progress?.working(diffId, input) },
      );
      if (outcome.diffId !== diffId) throw damaged(layer, outcome, tarSplit, directory);
      progress?.finished(diffId, "saved");
      return outcome.written as Written;
    } catch (error) {
      progress?.finished(diffId, "failed");
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new OvlError("INTERNAL", "the layers are not wanted any more"));
    await Promise.all(this.#running);
    await this.#pipeline[Symbol.asyncDispose]();
  }
}

/** Throws BAD_ROOT where the layer has no directory of its own for its files. */
function refuseWithoutContent({ chainId }: Layer, directory: string): void {
  const obstacle = obstacleToContent(directory);
  if (obstacle === null) return;
  const message = `layer ${chainId} cannot be given back: ${directory} ${obstacle}; ovl verify says more`;
  throw new OvlError("BAD_ROOT", message, { chainId, path: directory });
}

/** The first file that is not what the layer had; where all of them are, it is tar-split that is not. */
function damaged(layer: Layer, outcome: LayerOutcome, tarSplit: string, directory: string): OvlError {
  const { chainId, diffId: expected } = layer;
  const [first, ...others] = outcome.damages;
  if (first === undefined) {
    return new OvlError(
      "DIFF_ID_MISMATCH",
      `layer ${chainId} cannot be given back: ${tarSplit} was changed, it makes a tar of ${outcome.diffId} instead of ${expected}`,
      { chainId, path: tarSplit, expected, actual: outcome.diffId },
    );
  }
  const more = others.length === 0 ? "" : `, and ${others.length} more files`;
  const path = join(directory, first.path);
  // A file that has gone is damage to the root; NOT_FOUND would say that there is no such image.
  return new OvlError(
    first.code === "NOT_FOUND" ? "BAD_ROOT" : first.code,
    `layer ${chainId} cannot be given back: ${path}: expected ${first.expected}, found ${first.actual}${more}; ovl verify lists everything that is wrong`,
    { chainId, path, expected: first.expected, actual: first.actual },
  );
}
