/**
 * A container on its way out of a root: all of it shows as before, or none of it. It goes as it came (see
 * container/new-container.ts), in the reverse order:
 *
 *  1. `layerdb/tmp/volumes-<id>/names`, if volumes go along
 *  2. `layerdb/mounts/<id>` renamed to `layerdb/tmp/removed-<id>`: without it dockerd lists no container
 *  3. its layers, `containers/<id>`, the volumes
 *  4. the second, then the first
 *
 * Whoever writes after a crash takes 1 back, or goes on after 2. dockerd begins with the layers, and its crash leaves a
 * container that is listed and has lost what was written in it.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Driver } from "../driver/driver.js";
import {
  ensureDirectory,
  namesIn,
  readId,
  readSmall,
  renameDurably,
  syncDirectory,
  writeAtomically,
} from "../driver/files.js";
import { isDirectory } from "../driver/is-directory.js";
import { refuseMounts } from "../driver/mounted.js";
import { removeTree } from "../driver/remove-tree.js";
import { asOvlError } from "../errors.js";
import { type CacheId, isCacheId } from "../model/digest.js";
import { anonymousVolumes, MAX_CONFIG_V2, readConfig } from "./mounts.js";
import { type UsedCacheIds, usedCacheIds } from "./used-directories.js";

/** Where containers are. */
export interface ContainerPlace {
  readonly root: string;
  /** ROOT/image/<driver>/layerdb */
  readonly layerDb: string;
  readonly driver: Driver;
  /** As they were read for the first of several containers that go: reading them takes as long as the root is large. */
  readonly used?: UsedCacheIds;
}

/**
 * @param volumes names of those that go along. Throws IN_USE, before anything is changed, where something is mounted.
 */
export function removeContainerFiles(place: ContainerPlace, id: string, volumes: readonly string[]): void {
  const { root, layerDb, driver } = place;
  const [mount, tmp] = [join(layerDb, "mounts", id), join(layerDb, "tmp")];
  const own = layersOf(mount).map((cacheId) => driver.dir(cacheId));
  for (const path of [...own, join(root, "containers", id)]) refuseMounts(path);
  try {
    ensureDirectory(tmp, 0o755);
    if (volumes.length > 0) noteVolumes(join(tmp, `volumes-${id}`), volumes);
    // Without one it was not listed before, and what is left of it is not a container's any more either.
    if (existsSync(mount)) renameDurably(mount, join(tmp, `removed-${id}`));
    else ensureDirectory(join(tmp, `removed-${id}`), 0o755);
  } catch (thrown) {
    removeTree(join(tmp, `volumes-${id}`));
    throw asOvlError(thrown);
  }
  place.used?.release(id);
  finishRemoval(place, id);
}

/** Goes on from wherever the removal of a container was interrupted. */
export function finishRemoval({ root, layerDb, driver, used: known }: ContainerPlace, id: string): void {
  const [removed, volumes] = [join(layerDb, "tmp", `removed-${id}`), join(layerDb, "tmp", `volumes-${id}`)];
  if (existsSync(removed)) {
    const used = known ?? usedCacheIds(layerDb);
    // The read-write layer, then the init layer, as far as nothing else in a damaged root has the same ones.
    for (const cacheId of layersOf(removed)) if (!used.has(cacheId)) driver.remove(cacheId);
    if (!isListed(layerDb, id) && isDirectory(join(root, "containers"))) removeTree(join(root, "containers", id));
    removeVolumes(root, volumesIn(volumes), null);
    removeTree(removed);
  }
  removeTree(volumes);
}

/** The directory of a container that was never listed, and before it the volumes that were made for it alone. */
export function removeUnfinishedConfig({ root, layerDb }: ContainerPlace, id: string): void {
  const dir = join(root, "containers", id);
  if (isListed(layerDb, id) || !isDirectory(join(root, "containers"))) return;
  if (isDirectory(dir)) removeVolumes(root, namedVolumes(join(dir, "config.v2.json")), id);
  removeTree(dir);
}

/** One that has a mount is no leftover, whatever the root says of it. */
function isListed(layerDb: string, id: string): boolean {
  return existsSync(join(layerDb, "mounts", id));
}

/**
 * @param owner of them; null where nothing of it is left. Nothing goes through a symlink, which may lead
 * out of the root.
 */
function removeVolumes(root: string, names: readonly string[], owner: string | null): void {
  if (!isDirectory(join(root, "volumes"))) return;
  for (const name of names) if (!isMentioned(root, name, owner)) removeTree(join(root, "volumes", name));
}

function namedVolumes(path: string): string[] {
  try {
    return anonymousVolumes(readConfig(path));
  } catch {
    // Not written yet: then there are none.
    return [];
  }
}

function noteVolumes(journal: string, volumes: readonly string[]): void {
  ensureDirectory(journal, 0o700);
  writeAtomically(join(journal, "names"), volumes.join("\n"), 0o600);
  syncDirectory(dirname(journal));
}

function layersOf(mount: string): CacheId[] {
  return [readId(join(mount, "mount-id")), readId(join(mount, "init-id"))]
    .filter((id) => id !== null)
    .filter(isCacheId);
}

function volumesIn(journal: string): string[] {
  return (readId(join(journal, "names")) ?? "").split("\n").filter((name) => /^[0-9a-f]{64}$/.test(name));
}

/** Whether another container has a volume: one that came after the crash may have been given it. */
function isMentioned(root: string, volume: string, owner: string | null): boolean {
  const containers = join(root, "containers");
  return namesIn(containers).some((id) => {
    if (id === owner) return false;
    const config = readSmall(join(containers, id, "config.v2.json"), MAX_CONFIG_V2);
    // What cannot be read may say so.
    return config.kind === "read" ? config.bytes.includes(volume) : config.kind !== "absent";
  });
}
