/** Directories of the driver that are in use. */
import { join } from "node:path";
import { errnoOf, readId, readNames } from "../driver/files.js";
import { asOvlError } from "../errors.js";
import { type CacheId, isCacheId } from "../model/digest.js";

/**
 * Every cache-id that a layer or a container has, whether the rest of its metadata is in order or not.
 * @param layerDb ROOT/image/<driver>/layerdb
 */
export function usedCacheIds(layerDb: string): Set<CacheId> {
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

/** Names in a directory of the store, which may not have been made yet. */
export function namesIn(path: string): string[] {
  try {
    return readNames(path);
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return [];
    throw asOvlError(thrown);
  }
}
