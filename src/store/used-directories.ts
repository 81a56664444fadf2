/** Directories of the driver that are in use. */
import { join } from "node:path";
import { namesIn, readSmall } from "../driver/files.js";

/**
 * Every cache-id that a layer or a container has, whether the rest of its metadata is in order or not. Where one cannot
 * be read it may be any: all of them are in use then.
 * @param layerDb ROOT/image/<driver>/layerdb
 */
export function usedCacheIds(layerDb: string): Pick<ReadonlySet<string>, "has"> {
  const used = new Set<string>();
  let anything = false;
  const take = (path: string) => {
    const file = readSmall(path);
    if (file.kind === "read") used.add(file.bytes.toString("utf8").trim());
    else if (file.kind !== "absent") anything = true;
  };
  for (const name of namesIn(join(layerDb, "sha256"))) {
    if (!name.endsWith("-removing")) take(join(layerDb, "sha256", name, "cache-id"));
  }
  for (const name of namesIn(join(layerDb, "mounts"))) {
    take(join(layerDb, "mounts", name, "mount-id"));
    take(join(layerDb, "mounts", name, "init-id"));
  }
  return { has: (cacheId) => anything || used.has(cacheId) };
}
