/**
 * What --source brings back: configs, layers' entries, their directories, and single files. A layer is extracted
 * beside its directory and verified, then what is damaged is replaced by renaming: the cache-id stays, and so do the
 * chains of the containers that stand on it.
 */
import { copyFileSync, mkdirSync, renameSync, rmdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { ensureDirectory, syncDirectory, syncFile, writeNew } from "../driver/files.js";
import { removeTree } from "../driver/remove-tree.js";
import type { LayerPipeline } from "../layer/pipeline.js";
import { type CacheId, type ChainId, chainIdsOf, type DiffId, hexOf } from "../model/digest.js";
import type { SourceImage, SourceLayer } from "../source/source.js";
import { withBlob } from "../store/layer-input.js";
import type { NewLayer } from "../store/new-layer.js";
import type { Store } from "../store/store.js";
import { syncFileSystem } from "../sys/sync.js";
import { countSize } from "./count-size.js";
import type { FsckResult } from "./fsck.js";
import type { Finding } from "./fsck-finding.js";
import { type LayerNodes, readLayerNodes } from "./layer-headers.js";
import { NamesOfLayer } from "./layer-names.js";
import { moveAside, setAside } from "./repair-steps.js";
import { replaceEntry } from "./replace-entry.js";

/** A layer of the source beside the store's own. */
interface Extracted {
  readonly scratch: NewLayer;
  readonly nodes: LayerNodes;
  readonly names: NamesOfLayer;
}

interface Wanted {
  readonly layer: SourceLayer;
  readonly parent: ChainId | null;
}

/** For one round: what it extracted goes when it is disposed. */
export class SourceRestorer implements AsyncDisposable {
  readonly #store: Store;
  readonly #result: FsckResult;
  readonly #pipeline: LayerPipeline;
  readonly #images: readonly SourceImage[];
  readonly #layers = new Map<ChainId, Wanted>();
  readonly #extracted = new Map<ChainId, Extracted>();

  constructor(store: Store, result: FsckResult, pipeline: LayerPipeline, images: readonly SourceImage[]) {
    this.#store = store;
    this.#result = result;
    this.#pipeline = pipeline;
    this.#images = images;
    for (const image of images) {
      const chain = chainIdsOf(image.config.diffIds);
      chain.forEach((chainId, i) => {
        this.#layers.set(chainId, { layer: image.layers[i] as SourceLayer, parent: chain[i - 1] ?? null });
      });
    }
  }

  /** Whether it was mended; false where no source has it. Throws what is wrong with the source. */
  async restore({ restore, code, path }: Finding): Promise<boolean> {
    if (restore === null) return false;
    if (restore.kind === "image") return this.#restoreImage(restore.id, path);
    const { chainId } = restore;
    if (!this.#layers.has(chainId)) return false;
    switch (code) {
      case "LAYER_ENTRY_EMPTY":
      case "LAYER_MISSING":
      case "IMAGE_LAYER_MISSING":
      case "MOUNT_PARENT_MISSING":
        return this.#register(chainId);
      case "TAR_SPLIT_MISSING":
      case "TAR_SPLIT_CORRUPT":
        this.#replaceSplit(await this.#extract(chainId), path);
        return true;
      case "DIFF_MISSING":
        this.#moveContent(await this.#extract(chainId), path);
        return true;
      case "LAYER_DIR_MISSING":
        return this.#remakeDirectory(chainId);
      default:
        return this.#replaceFile(chainId, path);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { scratch } of this.#extracted.values()) scratch[Symbol.dispose]();
  }

  #restoreImage(id: string, path: string): boolean {
    const image = this.#images.find((one) => one.id === id);
    if (image === undefined) return false;
    setAside(this.#store, path);
    this.#store.images.put(image.config.bytes, null);
    return true;
  }

  /** Verified against its DiffID, and on the disk. */
  async #extract(chainId: ChainId): Promise<Extracted> {
    const known = this.#extracted.get(chainId);
    if (known !== undefined) return known;
    const { layer } = this.#layers.get(chainId) as Wanted;
    const scratch = this.#store.layers.begin(null);
    try {
      await extractInto(this.#pipeline, layer, scratch);
      const nodes = readLayerNodes(scratch.tarSplitPath);
      const extracted = { scratch, nodes, names: new NamesOfLayer(nodes) };
      this.#extracted.set(chainId, extracted);
      syncFileSystem(this.#store.driver.home);
      return extracted;
    } catch (thrown) {
      scratch[Symbol.dispose]();
      throw thrown;
    }
  }

  #replaceSplit({ scratch }: Extracted, path: string): void {
    setAside(this.#store, path);
    const temporary = join(dirname(path), ".tmp-tar-split.json.gz0");
    copyFileSync(scratch.tarSplitPath, temporary);
    syncFile(temporary);
    renameSync(temporary, path);
    syncDirectory(dirname(path));
  }

  #moveContent({ scratch }: Extracted, path: string): void {
    setAside(this.#store, path);
    renameSync(scratch.contentDir, path);
    syncDirectory(dirname(path));
  }

  /** Under the cache-id, and the short name, that others know it by. */
  async #remakeDirectory(chainId: ChainId): Promise<boolean> {
    const { driver } = this.#store;
    const { picture, relations } = this.#result;
    const cacheId = picture.layers.get(chainId)?.cacheId;
    if (cacheId?.state !== "valid") return false;
    const extracted = await this.#extract(chainId);
    const { parent } = this.#layers.get(chainId) as Wanted;
    const below = parent === null ? null : relations.places.of(parent);
    if (parent !== null && (below === null || !driver.has(below))) return false;
    setAside(this.#store, driver.dir(cacheId.value));
    const above = this.#standingOn(chainId);
    driver.recreate(cacheId.value, below, above, (content) => {
      rmdirSync(content);
      renameSync(extracted.scratch.contentDir, content);
    });
    return true;
  }

  /** A directory right on top of a layer's, whose `lower` has the layer's short name first. */
  #standingOn(chainId: ChainId): CacheId | null {
    const { picture, relations } = this.#result;
    const layers = (relations.children.get(chainId) ?? []).map((layer) => relations.places.of(layer.chainId));
    const inits = (relations.mountsOn.get(chainId) ?? []).map(({ initId }) =>
      initId.state === "valid" ? initId.value : null,
    );
    return (
      [...layers, ...inits].find((id) => id !== null && (picture.directories.get(id)?.lowers.length ?? 0) > 0) ?? null
    );
  }

  /** The layer's entry in layerdb, after those of the layers below; its directory is kept where it is there. */
  async #register(chainId: ChainId): Promise<boolean> {
    const { layers } = this.#store;
    if (layers.get(chainId) !== null) return true;
    const wanted = this.#layers.get(chainId);
    if (wanted === undefined) return false;
    const { parent, layer } = wanted;
    if (parent !== null && !(await this.#register(parent))) return false;
    const place = this.#result.relations.places.of(chainId);
    if (place !== null && this.#store.driver.has(place)) {
      await this.#registerPlace(chainId, place, layer.diffId, parent);
      return true;
    }
    const cacheId = parent === null ? null : (layers.get(parent)?.cacheId ?? null);
    using scratch = layers.begin(cacheId);
    const size = await extractInto(this.#pipeline, layer, scratch);
    syncFileSystem(this.#store.driver.home);
    layers.added(scratch.commit({ diffId: layer.diffId, parent, size }));
    return true;
  }

  /**
   * Under a name that nobody takes for a write-set until it is renamed: what is found of one is removed with the
   * directory that it names, and containers may stand on this one.
   */
  async #registerPlace(chainId: ChainId, cacheId: CacheId, diffId: DiffId, parent: ChainId | null): Promise<void> {
    const { scratch } = await this.#extract(chainId);
    const { layers, driver } = this.#store;
    const staged = join(layers.path, "tmp", `restored-${hexOf(chainId)}`);
    removeTree(staged);
    ensureDirectory(dirname(staged), 0o755);
    mkdirSync(staged, 0o700);
    copyFileSync(scratch.tarSplitPath, join(staged, "tar-split.json.gz"));
    syncFile(join(staged, "tar-split.json.gz"));
    const size = countSize(driver, cacheId, scratch.tarSplitPath);
    writeNew(join(staged, "diff"), diffId, 0o644);
    writeNew(join(staged, "size"), String(size), 0o644);
    if (parent !== null) writeNew(join(staged, "parent"), parent, 0o644);
    writeNew(join(staged, "cache-id"), cacheId, 0o644);
    syncDirectory(staged);
    const dir = layers.dir(chainId);
    setAside(this.#store, dir);
    ensureDirectory(dirname(dir), 0o755);
    renameSync(staged, dir);
    syncDirectory(dirname(dir));
    layers.added({ chainId, diffId, parent, cacheId, size });
  }

  async #replaceFile(chainId: ChainId, path: string): Promise<boolean> {
    const cacheId = this.#result.relations.places.of(chainId);
    if (cacheId === null) return false;
    const { scratch, names } = await this.#extract(chainId);
    const dir = this.#store.driver.contentDir(cacheId);
    const found = names.shownAs(relative(dir, path));
    return replaceEntry(dir, scratch.contentDir, found, (...aside) => moveAside(this.#store, ...aside));
  }
}

/** @returns bytes as docker counts them */
async function extractInto(pipeline: LayerPipeline, layer: SourceLayer, target: NewLayer): Promise<number> {
  const { diffId } = layer;
  const { contentDir: directory, tarSplitPath: tarSplit } = target;
  const extraction = { stage: "extract", diffId, directory, tarSplit, strict: false } as const;
  const outcome = await withBlob(
    layer,
    `layer ${layer.digest ?? diffId}`,
    (open) => pipeline.run(open, extraction, { size: layer.size }),
    () => target.clear(),
  );
  return outcome.size;
}
