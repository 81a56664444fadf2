/**
 * A stored image into a registry. A blob that is there already is not sent, one that the registry has in another
 * repository is taken over from there; the manifest comes last, so that whoever finds it finds all of the image.
 */
import { ftruncateSync } from "node:fs";
import type { LayerProgress } from "../layer/progress.js";
import type { DiffId, Digest, ImageId } from "../model/digest.js";
import { fullName, type Reference } from "../model/reference.js";
import type { RegistryOptions } from "../source/registry/options.js";
import { fileBlob, memoryBlob, RegistryUploader } from "../source/registry/uploader.js";
import type { Layer } from "./layerdb.js";
import { findOldManifest, newManifest, type PushedBlob } from "./push-manifest.js";
import { LayerWriter } from "./save-layers.js";
import { TemporaryFiles } from "./save-output.js";
import { planSave } from "./save-plan.js";
import type { Store } from "./store.js";

export interface PushOptions {
  /** Layers at once. */
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
}

export interface PushedLayer extends PushedBlob {
  readonly diffId: DiffId;
  readonly status: "pushed" | "exists" | "mounted";
}

/** Room for gigabytes: `/tmp` is memory on many machines. */
const WORKSPACE = "/var/tmp";
/** Repositories of the registry that are asked for a layer: each costs a request, and the first one mostly has it. */
const MAX_MOUNTS = 3;

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
  using temporary = new TemporaryFiles(process.env["TMPDIR"] || WORKSPACE);
  await using uploader = new RegistryUploader(reference, options.registry);
  await using writer = new LayerWriter(store, { ...options, compression: "gzip" });
  const pusher = new Pusher({ store, reference, uploader, writer, temporary });
  const pushed = await Promise.all(plan.layers.map((layer) => pusher.layer(layer)));
  const byDiffId = new Map(pushed.map((layer) => [layer.diffId, layer]));
  const layers = config.diffIds.map((diffId) => byDiffId.get(diffId) as PushedLayer);
  await pusher.config(id, config.bytes);
  const digests = store.repositories.of(id).filter((name) => fullName(name) === fullName(reference));
  const old = await findOldManifest(uploader, reference, digests, id, layers);
  const manifest = old ?? newManifest(id, config.bytes.length, layers);
  const tag = reference.tag as string;
  const isThere = old?.isTagged === true;
  const digest = isThere ? old.digest : await uploader.putManifest(tag, manifest.bytes, manifest.mediaType);
  return { id, digest, size: manifest.bytes.length, layers };
}

interface PushWork {
  readonly store: Store;
  readonly reference: Reference;
  readonly uploader: RegistryUploader;
  readonly writer: LayerWriter;
  readonly temporary: TemporaryFiles;
}

class Pusher {
  readonly #store: Store;
  readonly #reference: Reference;
  readonly #uploader: RegistryUploader;
  readonly #writer: LayerWriter;
  readonly #temporary: TemporaryFiles;

  constructor(work: PushWork) {
    this.#store = work.store;
    this.#reference = work.reference;
    this.#uploader = work.uploader;
    this.#writer = work.writer;
    this.#temporary = work.temporary;
  }

  async layer(layer: Layer): Promise<PushedLayer> {
    return (await this.#known(layer.diffId)) ?? (await this.#compressed(layer));
  }

  async config(id: ImageId, bytes: Uint8Array): Promise<void> {
    const digest = id as string as Digest;
    if ((await this.#uploader.sizeOf(digest)) === bytes.length) return;
    await this.#uploader.upload(memoryBlob(bytes, digest));
  }

  /** A layer that was pulled from this registry or pushed to it, as the blob that it was there. */
  async #known(diffId: DiffId): Promise<PushedLayer | null> {
    const { domain } = this.#reference;
    const here = fullName(this.#reference);
    const records = this.#store.distribution.blobsOf(diffId).reverse();
    for (const { digest } of records.filter(({ repository }) => repository === here)) {
      const blob = await this.#present(digest);
      if (blob !== null) return { ...blob, diffId, status: "exists" };
    }
    const elsewhere = records.filter(({ repository }) => repository !== here && repository.startsWith(`${domain}/`));
    for (const { digest, repository } of elsewhere.slice(0, MAX_MOUNTS)) {
      if (!(await this.#uploader.mount(digest, repository.slice(domain.length + 1)))) continue;
      const blob = await this.#present(digest);
      if (blob !== null) return { ...blob, diffId, status: "mounted" };
    }
    return null;
  }

  async #present(digest: Digest): Promise<PushedBlob | null> {
    const size = await this.#uploader.sizeOf(digest);
    if (size === null) return null;
    const compression = await this.#uploader.compressionOf(digest);
    return compression === "bzip2" || compression === "xz" ? null : { digest, size, compression };
  }

  /** The layer put together again, as the blob that it always becomes: it may be there under that digest. */
  async #compressed(layer: Layer): Promise<PushedLayer> {
    const file = this.#temporary.open();
    const { digest, size } = await this.#writer.write(layer, file, 0);
    const blob = { diffId: layer.diffId, digest, size, compression: "gzip" } as const;
    const isThere = (await this.#uploader.sizeOf(digest)) === size;
    if (!isThere) await this.#uploader.upload(fileBlob(file.fd, digest, size));
    // The file stays open as long as a thread might write to it; its bytes need no room any more.
    ftruncateSync(file.fd);
    return { ...blob, status: isThere ? "exists" : "pushed" };
  }
}
