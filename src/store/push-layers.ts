/** The layers of a push: found in the registry, taken over within it, or put together and sent. */
import { ftruncateSync } from "node:fs";
import type { LayerProgress } from "../layer/progress.js";
import { type DiffId, type Digest, hexOf, type ImageId } from "../model/digest.js";
import type { Reference } from "../model/reference.js";
import { fileBlob, memoryBlob } from "../source/registry/blob-parts.js";
import type { RegistryUploader } from "../source/registry/uploader.js";
import type { AccountKey } from "./account.js";
import type { BlobRecord } from "./distribution.js";
import type { Layer } from "./layerdb.js";
import { candidatesOf } from "./push-candidates.js";
import type { PushedBlob } from "./push-manifest.js";
import type { LayerWriter } from "./save-layers.js";
import type { TemporaryFiles } from "./save-output.js";
import type { Store } from "./store.js";

export interface PushedLayer extends PushedBlob {
  readonly diffId: DiffId;
  readonly status: "pushed" | "exists" | "mounted";
}

/** A note that the registry has proven wrong. */
export interface StaleRecord {
  readonly diffId: DiffId;
  readonly record: BlobRecord;
}

export interface PushWork {
  readonly store: Store;
  readonly reference: Reference;
  readonly account: AccountKey;
  readonly uploader: RegistryUploader;
  /** Tells `compressing` to the progress below. */
  readonly writer: LayerWriter;
  readonly temporary: TemporaryFiles;
  readonly progress: LayerProgress | undefined;
}

export class LayerPusher {
  readonly stale: StaleRecord[] = [];
  readonly #work: PushWork;

  constructor(work: PushWork) {
    this.#work = work;
  }

  async layer(layer: Layer): Promise<PushedLayer> {
    const { progress } = this.#work;
    progress?.waiting(layer.diffId, { label: hexOf(layer.diffId), bytes: layer.size });
    try {
      const pushed = (await this.#known(layer.diffId)) ?? (await this.#compressed(layer));
      progress?.finished(layer.diffId, pushed.status);
      return pushed;
    } catch (thrown) {
      progress?.finished(layer.diffId, "failed");
      throw thrown;
    }
  }

  async config(id: ImageId, bytes: Uint8Array): Promise<void> {
    const digest = id as string as Digest;
    const { uploader } = this.#work;
    if ((await uploader.sizeOf(digest)) === bytes.length) return;
    await uploader.upload(memoryBlob(bytes, digest));
  }

  /** A layer that was pulled from this registry or pushed to it, as the blob that it was there. */
  async #known(diffId: DiffId): Promise<PushedLayer | null> {
    const { store, reference, account } = this.#work;
    const { here, mountable, others } = candidatesOf(store.distribution.blobsOf(diffId), reference, account);
    return (
      (await this.#exists(diffId, here)) ??
      (await this.#mounted(diffId, mountable)) ??
      (await this.#exists(diffId, others))
    );
  }

  async #exists(diffId: DiffId, records: readonly BlobRecord[]): Promise<PushedLayer | null> {
    for (const record of records) {
      const blob = await this.#present(record.digest);
      if (blob === "absent") this.#forget(diffId, record);
      else if (blob !== "unusable") return { ...blob, diffId, status: "exists" };
    }
    return null;
  }

  async #mounted(diffId: DiffId, records: readonly BlobRecord[]): Promise<PushedLayer | null> {
    const { reference, uploader } = this.#work;
    for (const record of records) {
      const outcome = await uploader.mount(record.digest, record.repository.slice(reference.domain.length + 1));
      if (outcome === "absent") this.#forget(diffId, record);
      if (outcome !== "mounted") continue;
      const blob = await this.#present(record.digest);
      if (blob !== "absent" && blob !== "unusable") return { ...blob, diffId, status: "mounted" };
    }
    return null;
  }

  /** `unusable`: in a form that dockerd could not be given back, or that we may not look at. */
  async #present(digest: Digest): Promise<PushedBlob | "absent" | "unusable"> {
    const { uploader } = this.#work;
    const size = await uploader.sizeOf(digest);
    if (size === null) return "absent";
    const compression = await uploader.compressionOf(digest);
    if (compression === null || compression === "bzip2" || compression === "xz") return "unusable";
    return { digest, size, compression };
  }

  #forget(diffId: DiffId, record: BlobRecord): void {
    this.stale.push({ diffId, record });
  }

  /** The layer put together again, as the blob that it always becomes: it may be there under that digest. */
  async #compressed(layer: Layer): Promise<PushedLayer> {
    const { temporary, writer, uploader, progress } = this.#work;
    const { diffId } = layer;
    const file = temporary.open();
    const { digest, size } = await writer.write(layer, file, 0);
    const isThere = (await uploader.sizeOf(digest)) === size;
    if (!isThere) {
      progress?.next?.(diffId, { verb: "uploading", bytes: size });
      await uploader.upload(fileBlob(file.fd, digest, size), (sent) => progress?.working(diffId, sent));
    }
    // The file stays open as long as a thread might write to it; its bytes need no room any more.
    ftruncateSync(file.fd);
    return { diffId, digest, size, compression: "gzip", status: isThere ? "exists" : "pushed" };
  }
}

/** What the writer of blobs tells: that one is written is not the end of its layer. */
export function compressing(progress: LayerProgress | undefined): LayerProgress | undefined {
  const working = (key: string, input: number) => progress?.working(key, input);
  return progress && { waiting() {}, working, finished() {} };
}
