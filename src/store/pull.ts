/**
 * Images from a source into the store. Everything is staged and verified before anything is named:
 *
 *  1. plan: which layers of which images the store lacks
 *  2. a write-set and a directory for each of them, parents first
 *  3. layers verified, decompressed and extracted, several at once
 *  4. file data synced, once
 *  5. layers renamed into place, bottom to top; then names that no image has; then configs, with each of which an
 *     image appears; then names that are taken from other images
 *
 * A failure before 5 takes everything back; a crash leaves what `leftovers.ts` recognises.
 */
import { OvlError } from "../errors.js";
import { throwIfAborted } from "../layer/abort.js";
import type { LayerWarning } from "../layer/job.js";
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
import { digestNames, noteLayers, shownNames } from "./origin.js";
import { type Naming, showNamed } from "./register-image.js";
import { planLayers, Staging, type StagingOptions } from "./staging.js";
import type { Store } from "./store.js";
import { tagOf } from "./tag.js";
import { takeBack } from "./undo.js";

export interface PullOptions extends StagingOptions {
  /** Names that the image gets beside its own, familiar or not; only for a single image. */
  readonly tags: readonly string[];
  /** Refuse every other image id, and a source without images, before anything is registered. */
  readonly expect: ImageId | null;
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
  /** Those that it has now. */
  readonly names: readonly string[];
  readonly platform: string;
  /** Bottom to top. */
  readonly layers: readonly PulledLayer[];
}

export interface PullResult {
  readonly images: readonly PulledImage[];
  readonly warnings: readonly LayerWarning[];
}

/** Throws what verification finds; then nothing of these images is in the store. */
export async function pull(store: Store, images: readonly SourceImage[], options: PullOptions): Promise<PullResult> {
  refuseUnexpected(images, options.expect);
  if (options.tags.length > 0 && images.length !== 1) {
    throw new OvlError("USAGE", `--tag names one image, but the source holds ${images.length}; name one of them`);
  }
  // Before the work, not after it: a name that cannot be given, a file of names that cannot be changed.
  const tags = options.tags.map(tagOf);
  store.repositories.update(() => {});
  const plan = planLayers(store, images);
  await using staged = new Staging(store, plan);
  for (const image of images) showPresent(image, staged, options.progress);
  const warnings = await staged.extract(options);
  throwIfAborted(options.signal);
  const named = images.map((image) => ({ image, names: [...new Set([...image.names, ...tags])] }));
  register(store, staged, named);
  return {
    images: named.map(({ image, names }) => ({
      id: image.id,
      // Another image may have taken one since: of two that claim the same name the later one has it.
      names: shownNames(image, names).filter((name) => store.repositories.holder(name) === image.id),
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
  } catch (thrown) {
    takeBack(undo);
    throw thrown;
  }
  const show = () => {
    for (const { image } of named) {
      const isNew = !store.images.has(image.id);
      if (isNew) undo.push(() => store.images.delete(image.id));
      store.images.put(image.config.bytes, image.parent);
      // Of an image that is there already dockerd takes no notes, wherever it comes from.
      if (isNew) noteLayers(store.distribution, image);
    }
  };
  const ids = named.map(({ image }) => image.id);
  showNamed(store, ids, namingOf(store, named), show, undo);
}

function namingOf(store: Store, named: readonly NamedImage[]): Naming {
  return named.flatMap(({ image, names }) => [
    ...digestNames(store.repositories, image),
    ...names.map((name) => [name, image.id] as const),
  ]);
}

interface NamedImage {
  readonly image: SourceImage;
  readonly names: readonly string[];
}

function refuseUnexpected(images: readonly SourceImage[], expect: ImageId | null): void {
  if (expect === null) return;
  const other = images.find(({ id }) => id !== expect)?.id ?? null;
  if (other === null && images.length > 0) return;
  throw new OvlError("IMAGE_ID_MISMATCH", `expected image ${expect}, found ${other ?? "none"}; nothing was stored`, {
    expected: expect,
    actual: other,
  });
}

function showPresent(image: SourceImage, staged: Staging, progress: LayerProgress | undefined): void {
  chainIdsOf(image.config.diffIds).forEach((chainId, i) => {
    if (staged.has(chainId)) return;
    const { digest, diffId, size } = image.layers[i] as SourceLayer;
    progress?.waiting(chainId, { label: hexOf(digest ?? diffId), bytes: size });
    progress?.finished(chainId, "exists");
  });
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
