/** A container's own layer made the top layer of a new image, as `docker commit` makes it. */

import { OvlError } from "../errors.js";
import { throwIfAborted } from "../layer/abort.js";
import { summarized } from "../layer/apply-warnings.js";
import type { LayerOutcome, LayerWarning } from "../layer/job.js";
import { LayerPipeline } from "../layer/pipeline.js";
import type { LayerProgress } from "../layer/progress.js";
import { type ChainId, chainIdOf, type DiffId, type ImageId } from "../model/digest.js";
import { objectOf } from "../model/go-shape.js";
import type { Layer } from "../store/layerdb.js";
import type { Container } from "../store/mounts.js";
import type { NewLayer } from "../store/new-layer.js";
import { registerImage } from "../store/register-image.js";
import { resolveContainer } from "../store/resolve-container.js";
import type { Store } from "../store/store.js";
import { missingLayer, readImage, type StoredImage } from "../store/stored-image.js";
import { tagOf } from "../store/tag.js";
import { seesTrusted } from "../sys/privilege.js";
import { syncFileSystem } from "../sys/sync.js";
import { changedConfig } from "./commit-changes.js";
import { committedConfig } from "./commit-config.js";
import { damageOf } from "./damage.js";
import { stateOf } from "./state.js";

export interface CommitOptions {
  /** Name that the image gets; null for none. */
  readonly name: string | null;
  readonly author: string;
  readonly comment: string;
  /** Dockerfile instructions. */
  readonly changes: readonly string[];
  /** RFC 3339. */
  readonly created: string;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: LayerProgress | undefined;
}

export interface CommitResult {
  readonly id: ImageId;
  readonly warnings: readonly (LayerWarning | RunningWarning)[];
}

export interface RunningWarning {
  readonly code: "RUNNING";
  /** The container. */
  readonly subject: string;
  readonly message: string;
}

/** The tar of a layer without anything, 1024 zeros: docker makes no layer of it. */
const EMPTY_LAYER = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef" as DiffId;

/**
 * Throws NOT_FOUND, AMBIGUOUS, USAGE for a change or a name, IN_USE for a container that is being removed, BAD_ROOT.
 */
export async function commitContainer(store: Store, text: string, options: CommitOptions): Promise<CommitResult> {
  const name = options.name === null ? null : tagOf(options.name);
  const container = resolveContainer(store, text);
  refuse(store, container);
  const containerConfig = objectOf(container.config["Config"]);
  const config = changedConfig(containerConfig, options.changes);
  store.repositories.update(() => {});
  const parent = container.imageId === null ? null : parentOf(store, container.imageId);
  const top = parent?.layers.at(-1) ?? null;
  using layer = store.layers.begin(top?.cacheId ?? null);
  const outcome = await pack(store, container, layer, options);
  syncFileSystem(store.driver.home);
  throwIfAborted(options.signal);
  const bytes = committedConfig(parent?.config ?? null, {
    containerId: container.id,
    containerConfig,
    config,
    author: options.author,
    comment: options.comment,
    created: options.created,
    diffId: outcome.diffId === EMPTY_LAYER ? null : outcome.diffId,
  });
  const id = register(store, { layer, outcome, below: top?.chainId ?? null }, bytes, parent?.id ?? null, name);
  return { id, warnings: [...runningWarning(container), ...summarized(outcome.warnings)] };
}

function refuse(store: Store, container: Container): void {
  const { id } = container;
  const { status } = stateOf(container);
  if (status === "dead" || status === "removing") {
    const what = status === "dead" ? "is dead" : "is being removed";
    throw new OvlError("IN_USE", `cannot commit container ${id}: it ${what}`, { container: id });
  }
  if (store.driver.name !== "overlay2") {
    throw new OvlError(
      "BAD_ROOT",
      `ovl makes layers on the overlay2 driver; ${store.root} has ${store.driver.name}, which it only reads`,
      { root: store.root },
    );
  }
  const damage = damageOf(store, container);
  if (damage !== null) throw new OvlError("BAD_ROOT", damage.message, { container: id, path: damage.path });
}

function parentOf(store: Store, id: ImageId): StoredImage & { readonly layers: readonly Layer[] } {
  const image = readImage(store, id);
  const missing = missingLayer(store, image);
  if (missing !== null) throw new OvlError("BAD_ROOT", missing, { image: id });
  return image as StoredImage & { readonly layers: readonly Layer[] };
}

async function pack(
  store: Store,
  { id, mount }: Container,
  layer: NewLayer,
  { signal, progress }: CommitOptions,
): Promise<LayerOutcome> {
  const mountId = mount?.mountId ?? null;
  if (mountId === null) throw new OvlError("BAD_ROOT", `container ${id} has no read-write layer`, { container: id });
  const directory = store.driver.contentDir(mountId);
  progress?.waiting(id, { label: id, bytes: 0 });
  await using pipeline = new LayerPipeline({ jobs: 1, maxLayerBytes: Number.POSITIVE_INFINITY, signal });
  try {
    const outcome = await pipeline.run(
      async () => ({ stage: "pack", directory, userXattrs: !seesTrusted() }),
      { stage: "extract", diffId: null, directory: layer.contentDir, tarSplit: layer.tarSplitPath, strict: false },
      { size: 0, onProgress: (input) => progress?.working(id, input) },
    );
    progress?.finished(id, "extracted");
    return outcome;
  } catch (error) {
    progress?.finished(id, "failed");
    throw error;
  }
}

interface Packed {
  readonly layer: NewLayer;
  readonly outcome: LayerOutcome;
  readonly below: ChainId | null;
}

/** Layer, config, parent, name; what was registered before a failure goes again. */
function register(
  store: Store,
  { layer, outcome, below }: Packed,
  config: Buffer,
  parent: ImageId | null,
  name: string | null,
): ImageId {
  const { diffId, size } = outcome;
  const undo: (() => void)[] = [];
  if (diffId !== EMPTY_LAYER) {
    const isNew = store.layers.get(chainIdOf(below, diffId)) === null;
    const committed = layer.commit({ diffId, parent: below, size });
    if (isNew) undo.push(() => store.layers.remove(committed, false));
  }
  return registerImage(store, config, parent, name, undo);
}

/** docker pauses a container for the time of a commit; nothing but its daemon can. */
function runningWarning({ id, running }: Container): RunningWarning[] {
  if (!running) return [];
  const message = `container ${id} is running: what it wrote meanwhile may be in the image in part; stop or pause it first`;
  return [{ code: "RUNNING", subject: id, message }];
}
