/**
 * A docker archive that is an OCI layout, too, as docker writes it since 25.0: is its OCI half in order, and are the
 * images in it those of manifest.json? Layers that this one names are read through it; only what is said of them counts
 * here. Other ones (of further platforms) are read here.
 *
 * docker 25.0.0 wrote the layers of the OCI manifest in random order, and the first releases of 25.0 left out of
 * index.json what has no name. Neither is damage.
 */
import { setImmediate } from "node:timers/promises";
import type { ByteSource } from "../blob/byte-source.js";
import { fileSource } from "../blob/file-source.js";
import { verified } from "../blob/verify.js";
import { OvlError } from "../errors.js";
import { parseImageConfig } from "../model/config.js";
import type { DiffId, Digest, ImageId } from "../model/digest.js";
import { type Descriptor, isImage, type Manifest } from "../model/manifest.js";
import { isForeignLayerType, isPlainLayerType } from "../model/media-types.js";
import { type DamagedImage, type OnDamage, tellDamage } from "./damage.js";
import { DocumentBudget } from "./document-budget.js";
import type { FileTree } from "./file-tree.js";
import { type Blobs, complete, flatten, imageGroups } from "./oci-index.js";
import { blobPath, layoutBlobs, openBlob, readIndex } from "./oci-layout.js";
import type { SourceImage } from "./source.js";

/**
 * Throws only what is not about the content.
 * @param images of manifest.json
 * @param damaged those of manifest.json that are told of already
 */
export async function checkOtherHalf(
  tree: FileTree,
  images: readonly SourceImage[],
  damaged: readonly DamagedImage[],
  onDamage: OnDamage,
): Promise<void> {
  const budget = new DocumentBudget(tree.location);
  const half = new OtherHalf(tree, images, damaged, budget, (thrown) => tellDamage(thrown, onDamage, budget));
  await half.check();
}

class OtherHalf {
  readonly #tree: FileTree;
  readonly #blobs: Blobs;
  readonly #images: ReadonlyMap<ImageId, SourceImage>;
  readonly #damaged: ReadonlySet<ImageId | null>;
  readonly #tell: (thrown: unknown) => void;
  readonly #found = new Set<ImageId>();
  readonly #verified = new Set<Digest>();
  /** Whether images are in it, or in manifest.json, of which not even the id is known. */
  #hasUnread: boolean;

  constructor(
    tree: FileTree,
    images: readonly SourceImage[],
    damaged: readonly DamagedImage[],
    budget: DocumentBudget,
    tell: (thrown: unknown) => void,
  ) {
    this.#tree = tree;
    this.#blobs = layoutBlobs(tree, budget);
    this.#images = new Map(images.map((image) => [image.id, image]));
    this.#damaged = new Set(damaged.map(({ id }) => id));
    this.#hasUnread = damaged.some(({ id }) => id === null);
    this.#tell = tell;
  }

  async check(): Promise<void> {
    const index = await this.#attempt(async () => readIndex(this.#tree));
    if (index === null) return;
    for (const { descriptors } of imageGroups(index, null, this.#tree.location)) await this.#checkImage(descriptors);
    if (this.#hasUnread) return;
    for (const { id, names } of this.#images.values()) {
      if (names.length > 0 && !this.#found.has(id)) this.#tell(this.#onlyIn("manifest.json", "index.json", id));
    }
  }

  /** One image in all platforms. manifest.json has one of them, and the archive may lack others. */
  async #checkImage(descriptors: readonly Descriptor[]): Promise<void> {
    const candidates = (await this.#attempt(() => flatten(descriptors, this.#blobs))) ?? [];
    const present = candidates.filter(({ descriptor }) => this.#tree.find(blobPath(descriptor.digest)) !== null);
    const manifests: Manifest[] = [];
    for (const candidate of present.length > 0 ? present : candidates.slice(0, 1)) {
      const read = await this.#attempt(() => complete(candidate, this.#blobs));
      // Signatures and their like are no images.
      if (read !== null && isImage(read.manifest)) manifests.push(read.manifest);
    }
    const ids = manifests.map(idOf);
    for (const manifest of manifests) {
      this.#found.add(idOf(manifest));
      await this.#checkManifest(manifest);
    }
    if (this.#hasUnread || ids.some((id) => this.#images.has(id) || this.#damaged.has(id))) return;
    for (const id of ids) this.#tell(this.#onlyIn("index.json", "manifest.json", id));
  }

  async #checkManifest(manifest: Manifest): Promise<void> {
    const id = idOf(manifest);
    // Both halves have the same config.
    if (this.#damaged.has(id)) return;
    try {
      const { diffIds } = parseImageConfig(await this.#blobs.config(manifest));
      for (const layer of manifest.layers) await this.#checkLayer(layer, id, diffIds);
    } catch (thrown) {
      this.#tell(thrown);
    }
  }

  async #checkLayer(layer: Descriptor, id: ImageId, diffIds: readonly DiffId[]): Promise<void> {
    const { digest, mediaType, urls } = layer;
    const isRead = this.#images.get(id)?.layers.some((read) => read.digest === digest) ?? false;
    const mayLack = isRead || isForeignLayerType(mediaType) || urls.length > 0;
    try {
      if (mayLack && this.#tree.find(blobPath(digest)) === null) return;
      const subject = `layer ${digest} of ${this.#tree.location}`;
      const range = openBlob(this.#tree, layer, subject);
      const isItsOwn = isRead || diffIds.includes(digest as string as DiffId);
      if (isPlainLayerType(mediaType) && !isItsOwn) throw this.#strange(layer, id);
      if (isRead || this.#verified.has(digest)) return;
      this.#verified.add(digest);
      await readToEnd(verified(fileSource(range), { digest, size: layer.size, subject }));
    } catch (thrown) {
      this.#tell(thrown);
    }
  }

  /** null for what is told. */
  async #attempt<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (thrown) {
      this.#hasUnread = true;
      this.#tell(thrown);
      return null;
    }
  }

  #strange({ digest }: Descriptor, id: ImageId): OvlError {
    const message = `${this.#tree.location}: the OCI manifest of image ${id} has the layer ${digest}, which is no diff_id of that image; save the image again`;
    return new OvlError("DIFF_ID_MISMATCH", message, { actual: digest });
  }

  #onlyIn(one: string, other: string, id: ImageId): OvlError {
    const message = `${this.#tree.location}: ${one} names image ${id}, which ${other} does not, so what is in it depends on who reads it; save the images again`;
    return new OvlError("IMAGE_ID_MISMATCH", message, one === "index.json" ? { actual: id } : { expected: id });
  }
}

/** Chunks hashed between two looks at the event loop: some milliseconds. */
const BURST = 64;

async function readToEnd(source: ByteSource): Promise<void> {
  for (let chunks = 0; source.read() !== null; chunks++) if (chunks % BURST === 0) await setImmediate();
}

function idOf({ config }: Manifest): ImageId {
  return config.digest as string as ImageId;
}
