/**
 * What a killed ovl or dockerd leaves in a root, recognised and removed. Called with the root locked and no
 * daemon on it; nothing but the kinds below is ever touched.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Driver } from "../driver/driver.js";
import { namesIn, readId } from "../driver/files.js";
import { removeTree } from "../driver/remove-tree.js";
import { OvlError } from "../errors.js";
import { isMountId } from "../model/mount-id.js";
import { type ContainerPlace, finishRemoval, removeUnfinishedConfig } from "./container-removal.js";
import { unmarkImages } from "./image-marks.js";
import type { ImageDb } from "./imagedb.js";
import type { Repositories } from "./repositories.js";
import { type UsedCacheIds, usedCacheIds } from "./used-directories.js";

/**
 * In `layerdb/tmp`: what is being made (container/new-container.ts), and what is being removed (container-removal.ts).
 */
const UNFINISHED_CONTAINER = /^(container|removed|volumes)-([0-9a-f]{64})$/;

/** The parts of a store that leftovers are in. */
export interface LeftoverPlaces {
  readonly root: string;
  /** ROOT/image/<driver> */
  readonly imagePath: string;
  readonly driver: Driver;
  readonly images: ImageDb;
  readonly repositories: Repositories;
}

export function removeLeftovers({ root, imagePath, driver, images, repositories }: LeftoverPlaces): void {
  const layerDb = join(imagePath, "layerdb");
  // 1. Layers that were not finished: a write-set, and the directory that its cache-id names.
  const tmp = join(layerDb, "tmp");
  const unfinished = namesIn(tmp).filter((name) => /^write-set-[0-9]+$/.test(name));
  // 2. Layers that were not wholly deleted.
  const layers = join(layerDb, "sha256");
  const removing = namesIn(layers).filter((name) => /^[0-9a-f]{64}-[0-9a-f]{64}-removing$/.test(name));
  const leftovers = [...unfinished.map((name) => join(tmp, name)), ...removing.map((name) => join(layers, name))];
  if (leftovers.length > 0) {
    const used = usedCacheIds(layerDb);
    for (const path of leftovers) {
      // dockerd removes the directory unasked, and with it a live layer that has the same cache-id.
      removeUnused(driver, used, readId(join(path, "cache-id")));
      removeTree(path);
    }
  }
  // 3. Containers that were not finished, or not wholly removed: their layers and their config, named all the while.
  for (const name of namesIn(tmp)) {
    const [, kind, id] = UNFINISHED_CONTAINER.exec(name) ?? [];
    if (id === undefined) continue;
    try {
      if (kind === "container") removeUnfinished({ root, layerDb, driver }, id);
      else finishRemoval({ root, layerDb, driver }, id);
    } catch (thrown) {
      // Something of it is mounted: for the next one who writes, perhaps the one who unmounts it.
      if (!(thrown instanceof OvlError) || thrown.code !== "IN_USE") throw thrown;
    }
  }
  // 4. Images that were being brought or removed: what is there without a config.
  unmarkImages(layerDb, images, repositories);
  // 5. Files that were written but not renamed.
  const places = [imagePath, join(imagePath, "imagedb", "content", "sha256")];
  for (const place of places) {
    for (const name of namesIn(place)) {
      if (/^\.tmp-.+[0-9]$/.test(name)) rmSync(join(place, name), { force: true });
    }
  }
}

/** Nobody has used it: dockerd lists no container without an entry in `layerdb/mounts`, which comes last. */
function removeUnfinished({ root, layerDb, driver }: ContainerPlace, id: string): void {
  const journal = join(layerDb, "tmp", `container-${id}`);
  removeUnfinishedConfig({ root, layerDb, driver }, id);
  const used = usedCacheIds(layerDb);
  for (const file of ["mount-id", "init-id"]) removeUnused(driver, used, readId(join(journal, file)));
  removeTree(journal);
}

/**
 * A directory that nothing in layerdb has. Only of names that dockerd and ovl give: BuildKit's have 25 characters, and
 * a daemon killed while it registered one of them as a layer left a write-set that names it.
 */
function removeUnused(driver: Driver, used: UsedCacheIds, cacheId: string | null): void {
  if (cacheId !== null && isMountId(cacheId) && !used.has(cacheId)) driver.remove(cacheId);
}
