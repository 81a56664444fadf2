/**
 * A container on its way into a root. Nothing of it is visible before the one rename of `commit`: dockerd lists no
 * container that has no entry in `layerdb/mounts`. Wherever the process dies, the next writer takes everything back
 * (store/leftovers.ts), since all of it has a name before it is made:
 *
 *  1. `layerdb/tmp/container-<id>/{mount-id,init-id,parent}`
 *  2. `overlay2/<mount-id>-init`, filled, and `overlay2/<mount-id>` on top of it
 *  3. `containers/<id>/{checkpoints,hostconfig.json,config.v2.json}`, which names the volumes, then `volumes/<name>`
 *  4. the first renamed to `layerdb/mounts/<id>`, its parent directory synced
 *
 * dockerd has 3 and 4 the other way round. What its crash leaves between them pins the image's layers for good, while
 * what is left here is ignored.
 */
import { join } from "node:path";
import { newCacheId } from "../driver/driver.js";
import {
  ensureDirectory,
  makeDirectory,
  renameDurably,
  syncDirectory,
  writeAtomically,
  writeNew,
} from "../driver/files.js";
import { removeTree } from "../driver/remove-tree.js";
import { asOvlError } from "../errors.js";
import type { CacheId } from "../model/digest.js";
import { initOf } from "../model/mount-id.js";
import { removeUnfinishedConfig } from "../store/container-removal.js";
import type { Layer } from "../store/layerdb.js";
import type { Store } from "../store/store.js";

export class NewContainer implements Disposable {
  readonly id: string;
  readonly mountId: CacheId;
  readonly initId: CacheId;
  /** Content directories of the two layers; good once they are made. */
  readonly initDir: string;
  readonly dir: string;
  readonly #store: Store;
  readonly #journal: string;
  #open = true;

  /** @param top the image's topmost layer; null for an image without layers */
  constructor(store: Store, id: string, top: Layer | null) {
    this.#store = store;
    this.id = id;
    this.mountId = newCacheId();
    this.initId = initOf(this.mountId);
    this.initDir = store.driver.contentDir(this.initId);
    this.dir = store.driver.contentDir(this.mountId);
    const tmp = join(store.layers.path, "tmp");
    this.#journal = join(tmp, `container-${id}`);
    try {
      ensureDirectory(tmp, 0o755);
      makeDirectory(this.#journal, 0o755);
      writeNew(join(this.#journal, "mount-id"), this.mountId, 0o644);
      writeNew(join(this.#journal, "init-id"), this.initId, 0o644);
      if (top !== null) writeNew(join(this.#journal, "parent"), top.chainId, 0o644);
      syncDirectory(this.#journal);
      syncDirectory(tmp);
    } catch (thrown) {
      removeTree(this.#journal);
      throw asOvlError(thrown);
    }
  }

  /** @param hostConfig, @param config the documents to the last byte */
  writeDocuments(hostConfig: string, config: string): void {
    const containers = join(this.#store.root, "containers");
    const dir = join(containers, this.id);
    try {
      ensureDirectory(containers, 0o710);
      makeDirectory(dir, 0o710);
      makeDirectory(join(dir, "checkpoints"), 0o700);
      writeAtomically(join(dir, "hostconfig.json"), hostConfig, 0o644);
      writeAtomically(join(dir, "config.v2.json"), config, 0o600);
      syncDirectory(containers);
    } catch (thrown) {
      throw asOvlError(thrown);
    }
  }

  /** Makes the container visible. */
  commit(): void {
    const mounts = join(this.#store.layers.path, "mounts");
    try {
      ensureDirectory(mounts, 0o755);
      renameDurably(this.#journal, join(mounts, this.id));
      this.#open = false;
    } catch (thrown) {
      throw asOvlError(thrown);
    }
    this.#store.usersChanged();
  }

  /** Takes everything back, unless committed. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    const { root, layers, driver } = this.#store;
    removeUnfinishedConfig({ root, layerDb: layers.path, driver }, this.id);
    driver.remove(this.mountId);
    driver.remove(this.initId);
    // Last: until it is gone, it tells what the rest was.
    removeTree(this.#journal);
  }
}
