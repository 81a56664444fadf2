/**
 * A stored image into a registry. A blob that is there already is not sent, one that the registry has in another
 * repository is taken over from there; the manifest comes last, so that whoever finds it finds all of the image.
 */
import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import { OvlError } from "../errors.js";
import type { LayerProgress } from "../layer/progress.js";
import type { Digest, ImageId } from "../model/digest.js";
import { fullName, type Reference } from "../model/reference.js";
import type { RegistryOptions } from "../source/registry/options.js";
import { RegistryUploader } from "../source/registry/uploader.js";
import { workspace } from "../sys/workspace.js";
import { type AccountKey, accountKey } from "./account.js";
import type { Layer } from "./layerdb.js";
import { compressing, LayerPusher, type PushedLayer, type StaleRecord } from "./push-layers.js";
import { findOldManifest, newManifest } from "./push-manifest.js";
import { LayerWriter } from "./save-layers.js";
import { TemporaryFiles } from "./save-output.js";
import { planSave } from "./save-plan.js";
import type { Store } from "./store.js";

export interface PushOptions {
  /** Layers at once; of them as many are compressed as there are processors. */
  readonly jobs: number;
  readonly registry: RegistryOptions;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: LayerProgress | undefined;
}

export interface PushResult {
  readonly id: ImageId;
  /** Of the manifest. */
  readonly digest: Digest;
  /** Bytes of the manifest. */
  readonly size: number;
  /** Bottom to top. */
  readonly layers: readonly PushedLayer[];
  /** Who pushed. */
  readonly account: AccountKey;
  /** What the root had noted of the registry, and is not so. */
  readonly stale: readonly StaleRecord[];
}

/**
 * @param image as users write it
 * @param reference with a tag
 * Throws what `planSave` and rebuilding a layer throw, and what the registry says.
 */
export async function push(
  store: Store,
  image: string,
  reference: Reference,
  options: PushOptions,
): Promise<PushResult> {
  const plan = planSave(store, [image], null);
  const { id, config } = plan.images[0] as (typeof plan.images)[0];
  const stop = new AbortController();
  const signals = [stop.signal, options.signal, options.registry.signal].filter((one) => one !== undefined);
  const signal = AbortSignal.any(signals);
  using temporary = new TemporaryFiles(workspace());
  await using uploader = new RegistryUploader(reference, { ...options.registry, signal });
  const jobs = Math.min(options.jobs, availableParallelism());
  const progress = compressing(options.progress);
  await using writer = new LayerWriter(store, { jobs, compression: "gzip", signal, progress });
  const account = accountKey(await accountOf(uploader));
  const pusher = new LayerPusher({
    ...{ store, reference, account, uploader, writer, temporary },
    progress: options.progress,
  });
  const pushed = await uploader.client.clean(() => pushAll(pusher, plan.layers, options.jobs, stop));
  const byDiffId = new Map(pushed.map((layer) => [layer.diffId, layer]));
  const layers = config.diffIds.map((diffId) => byDiffId.get(diffId) as PushedLayer);
  await pusher.config(id, config.bytes);
  const digests = store.repositories.of(id).filter((name) => fullName(name) === fullName(reference));
  const old = await findOldManifest(uploader, reference, digests, id, layers);
  const manifest = old ?? newManifest(id, config.bytes.length, layers);
  const tag = reference.tag as string;
  const isThere = old?.isTagged === true;
  const digest = isThere ? old.digest : await uploader.putManifest(tag, manifest.bytes, manifest.mediaType);
  return { id, digest, size: manifest.bytes.length, layers, account, stale: pusher.stale };
}

/** The first layer that fails ends the others; when this rejects, nothing is under way any more. */
async function pushAll(
  pusher: LayerPusher,
  layers: readonly Layer[],
  jobs: number,
  stop: AbortController,
): Promise<PushedLayer[]> {
  const limit = pLimit(jobs);
  const work = layers.map((layer) => limit(() => pusher.layer(layer)));
  try {
    return await Promise.all(work);
  } catch (thrown) {
    stop.abort(thrown);
    await Promise.allSettled(work);
    throw thrown;
  }
}

/** Credentials that cannot be had are no obstacle yet: the registry may ask for none, and says so where it does. */
async function accountOf({ client }: RegistryUploader) {
  try {
    return await client.credentials();
  } catch (thrown) {
    if (!(thrown instanceof OvlError) || thrown.exit >= 128) throw thrown;
    return null;
  }
}
