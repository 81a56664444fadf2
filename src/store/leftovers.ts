/**
 * What a killed ovl or dockerd leaves in a root, recognised and removed. Called with the root locked and no
 * daemon on it; nothing but the four kinds below is ever touched.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Driver } from "../driver/driver.js";
import { errnoOf, readId } from "../driver/files.js";
import { removeTree } from "../driver/remove-tree.js";
import { asOvlError } from "../errors.js";
import { type CacheId, isCacheId } from "../model/digest.js";
import { anonymousVolumes, readConfig } from "./mounts.js";

/** Names what is being made in `layerdb/tmp`: see container/new-container.ts. */
const UNFINISHED_CONTAINER = /^container-([0-9a-f]{64})$/;

/** @param image ROOT/image/<driver> */
export function removeLeftovers(root: string, image: string, driver: Driver): void {
  const layerDb = join(image, "layerdb");
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
      const cacheId = readId(join(path, "cache-id"));
      // dockerd removes the directory unasked, and with it a live layer that has the same cache-id.
      if (cacheId !== null && isCacheId(cacheId) && !used.has(cacheId)) driver.remove(cacheId);
      removeTree(path);
    }
  }
  // 3. Containers that were not finished: their layers and their config, named before any of it was made.
  for (const name of namesIn(tmp)) {
    const id = UNFINISHED_CONTAINER.exec(name)?.[1];
    if (id !== undefined) removeUnfinished(root, join(tmp, name), id, driver);
  }
  // 4. Files that were written but not renamed.
  const places = [image, join(image, "imagedb", "content", "sha256")];
  for (const place of places) {
    for (const name of namesIn(place)) {
      if (/^\.tmp-.+[0-9]$/.test(name)) rmSync(join(place, name), { force: true });
    }
  }
}

/** Nobody has used it: dockerd lists no container without an entry in `layerdb/mounts`, which comes last. */
function removeUnfinished(root: string, journal: string, id: string, driver: Driver): void {
  removeUnfinishedConfig(root, id);
  for (const file of ["mount-id", "init-id"]) {
    const cacheId = readId(join(journal, file));
    if (cacheId !== null && /^[0-9a-f]{64}(-init)?$/.test(cacheId)) driver.remove(cacheId as CacheId);
  }
  removeTree(journal);
}

/** The directory of a container that was never listed, and before it the volumes that were made for it alone. */
export function removeUnfinishedConfig(root: string, id: string): void {
  const dir = join(root, "containers", id);
  for (const name of volumesIn(join(dir, "config.v2.json"))) removeTree(join(root, "volumes", name));
  removeTree(dir);
}

function volumesIn(path: string): string[] {
  try {
    return anonymousVolumes(readConfig(path));
  } catch {
    // Not written yet: then there are none.
    return [];
  }
}

/** Every cache-id that a layer or a container has, whether the rest of its metadata is in order or not. */
function usedCacheIds(layerDb: string): Set<CacheId> {
  const used = new Set<CacheId>();
  const take = (path: string) => {
    const id = readId(path);
    if (id !== null && isCacheId(id)) used.add(id);
  };
  for (const name of namesIn(join(layerDb, "sha256"))) {
    if (!name.endsWith("-removing")) take(join(layerDb, "sha256", name, "cache-id"));
  }
  for (const name of namesIn(join(layerDb, "mounts"))) {
    take(join(layerDb, "mounts", name, "mount-id"));
    take(join(layerDb, "mounts", name, "init-id"));
  }
  return used;
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return [];
    throw asOvlError(thrown);
  }
}
