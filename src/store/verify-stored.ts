/**
 * Whether stored images are what their ids promise: the config by its hash; each layer by its files in layerdb,
 * by its directory in the driver, and by its tar, rebuilt from tar-split and the files on disk.
 *
 * A fault is reported once, where it is. What only follows from it is not reported: a layer that cannot be
 * rebuilt because its directory is unknown, a DiffID that differs because a file does.
 */
import { join } from "node:path";
import { LayerPipeline } from "../layer/pipeline.js";
import type { LayerProgress } from "../layer/progress.js";
import { parseImageConfig } from "../model/config.js";
import { type CacheId, type ChainId, chainIdOf, type DiffId, type ImageId } from "../model/digest.js";
import type { Layer } from "./layerdb.js";
import { rebuildProblems } from "./rebuild.js";
import type { Store } from "./store.js";
import { type Problem, problemOf, type Verification } from "./verification.js";
import type { VerifyOptions } from "./verify-source.js";

/** What is known of one layer. Layers above need to know whether its directory is. */
interface Verdict {
  readonly problems: readonly Problem[];
  readonly cacheId: CacheId | null;
}

export class StoredVerifier implements AsyncDisposable {
  readonly #store: Store;
  readonly #pipeline: LayerPipeline;
  readonly #progress: LayerProgress | undefined;
  /** Layers that several images share are verified once. */
  readonly #rebuilt = new Map<ChainId, Promise<Problem[]>>();
  #users: ReadonlyMap<CacheId, number> | null = null;

  constructor(store: Store, options: VerifyOptions) {
    this.#store = store;
    this.#pipeline = new LayerPipeline(options);
    this.#progress = options.progress;
  }

  /** Throws NOT_FOUND, and what keeps it from knowing: an I/O error, an interruption. */
  async verify(imageId: ImageId): Promise<Verification> {
    const diffIds = this.#diffIds(imageId);
    if ("code" in diffIds) return { imageId, ok: false, layers: [], problems: [diffIds] };
    const verdicts = await this.#layers(diffIds);
    const problems = verdicts.flatMap((verdict) => verdict.problems);
    return {
      imageId,
      ok: problems.length === 0,
      layers: diffIds.map((diffId, i) => ({ diffId, ok: verdicts[i]?.problems.length === 0 })),
      problems,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pipeline[Symbol.asyncDispose]();
  }

  #diffIds(imageId: ImageId): readonly DiffId[] | Problem {
    try {
      return parseImageConfig(this.#store.images.read(imageId)).diffIds;
    } catch (thrown) {
      return problemOf(thrown, imageId);
    }
  }

  /** First every layer rebuilt, several at once; then, bottom to top, what that and the metadata say together. */
  async #layers(diffIds: readonly DiffId[]): Promise<Verdict[]> {
    const places: { chainId: ChainId; diffId: DiffId; parent: ChainId | null }[] = [];
    for (const diffId of diffIds) {
      const parent: ChainId | null = places.at(-1)?.chainId ?? null;
      places.push({ chainId: chainIdOf(parent, diffId), diffId, parent });
    }
    const rebuilt = await Promise.all(places.map(({ chainId, diffId }) => this.#rebuild(chainId, diffId)));
    const verdicts: Verdict[] = [];
    places.forEach(({ chainId, diffId, parent }, i) => {
      const below = verdicts.map(({ cacheId }) => cacheId).reverse();
      verdicts.push(this.#judge(chainId, diffId, parent, below, rebuilt[i] ?? []));
    });
    return verdicts;
  }

  #judge(
    chainId: ChainId,
    diffId: DiffId,
    parent: ChainId | null,
    below: readonly (CacheId | null)[],
    rebuilt: readonly Problem[],
  ): Verdict {
    const { layers, driver } = this.#store;
    const entry = layers.read(chainId);
    const path = layers.dir(chainId);
    if (!("layer" in entry)) {
      const message = `layer ${chainId} ${entry.absent ? `is not in the store: ${path} is missing` : entry.problem}`;
      const code = entry.absent ? "NOT_FOUND" : "BAD_ROOT";
      return {
        problems: [{ code, subject: entry.path ?? path, expected: null, actual: null, message }],
        cacheId: null,
      };
    }
    const { layer } = entry;
    const registered = registrationProblems(path, layer, diffId, parent);
    const directory = driver
      .check(layer.cacheId, below)
      .map((found): Problem => ({ code: "BAD_ROOT", subject: found.path, ...withoutPath(found) }));
    if (!driver.has(layer.cacheId)) return { problems: [...registered, ...directory], cacheId: null };
    // A directory that has not this layer's files, and belongs to another layer or into another place.
    const elsewhere = directory.some(({ subject }) => subject.endsWith("/lower")) || this.#usersOf(layer.cacheId) > 1;
    if (rebuilt.length > 0 && elsewhere) {
      return { problems: [...registered, wrongDirectory(path, layer)], cacheId: null };
    }
    return { problems: [...registered, ...directory, ...rebuilt], cacheId: layer.cacheId };
  }

  #rebuild(chainId: ChainId, diffId: DiffId): Promise<Problem[]> {
    const known = this.#rebuilt.get(chainId);
    if (known !== undefined) return known;
    const entry = this.#store.layers.read(chainId);
    const rebuilt =
      "layer" in entry && this.#store.driver.has(entry.layer.cacheId)
        ? rebuildProblems(this.#store, { ...entry.layer, diffId }, this.#pipeline, this.#progress)
        : Promise.resolve([]);
    this.#rebuilt.set(chainId, rebuilt);
    return rebuilt;
  }

  #usersOf(cacheId: CacheId): number {
    if (this.#users === null) {
      const users = new Map<CacheId, number>();
      for (const layer of this.#store.layers.list().layers) {
        users.set(layer.cacheId, (users.get(layer.cacheId) ?? 0) + 1);
      }
      this.#users = users;
    }
    return this.#users.get(cacheId) ?? 0;
  }
}

/** What layerdb says of the layer against what its image says. */
function registrationProblems(dir: string, layer: Layer, diffId: DiffId, parent: ChainId | null): Problem[] {
  const problems: Problem[] = [];
  const compare = (name: string, code: Problem["code"], expected: string | null, actual: string | null) => {
    if (expected === actual) return;
    const subject = join(dir, name);
    const message = `${subject}: expected ${expected ?? "no such file"}, found ${actual ?? "none"}`;
    problems.push({ code, subject, expected, actual, message });
  };
  compare("diff", "DIFF_ID_MISMATCH", diffId, layer.diffId);
  compare("parent", "BAD_ROOT", parent, layer.parent);
  return problems;
}

function wrongDirectory(dir: string, { chainId, cacheId }: Layer): Problem {
  const subject = join(dir, "cache-id");
  return {
    code: "BAD_ROOT",
    subject,
    expected: "the directory with the layer's files",
    actual: cacheId,
    message: `${subject} names ${cacheId}, which holds the files of another layer than ${chainId}`,
  };
}

function withoutPath({ expected, actual, message }: { expected: string; actual: string; message: string }) {
  return { expected, actual, message };
}
