/** Directories of the driver that are in use. */
import { join } from "node:path";
import { namesIn, readSmall } from "../driver/files.js";

/** Who uses which directory, kept up to date while containers go. */
export interface UsedCacheIds {
  has(cacheId: string): boolean;
  /** A container is on its way out: what only it has is no longer in use. */
  release(containerId: string): void;
}

/**
 * Every cache-id that a layer or a container has, whether the rest of its metadata is in order or not. Where one cannot
 * be read it may be any: all of them are in use then.
 * @param layerDb ROOT/image/<driver>/layerdb
 */
export function usedCacheIds(layerDb: string): UsedCacheIds {
  /** By cache-id; null for one that cannot be read. */
  const users = new Map<string | null, number>();
  const mounts = new Map<string, (string | null)[]>();
  const count = (id: string | null, by: number) => users.set(id, (users.get(id) ?? 0) + by);
  const take = (path: string): (string | null)[] => {
    const file = readSmall(path);
    if (file.kind === "absent") return [];
    const id = file.kind === "read" ? file.bytes.toString("utf8").trim() : null;
    count(id, 1);
    return [id];
  };
  for (const name of namesIn(join(layerDb, "sha256"))) {
    if (!name.endsWith("-removing")) take(join(layerDb, "sha256", name, "cache-id"));
  }
  for (const name of namesIn(join(layerDb, "mounts"))) {
    const mount = join(layerDb, "mounts", name);
    mounts.set(name, [...take(join(mount, "mount-id")), ...take(join(mount, "init-id"))]);
  }
  const isUsed = (id: string | null) => (users.get(id) ?? 0) > 0;
  return {
    has: (cacheId) => isUsed(null) || isUsed(cacheId),
    release(containerId) {
      for (const id of mounts.get(containerId) ?? []) count(id, -1);
      mounts.delete(containerId);
    },
  };
}
