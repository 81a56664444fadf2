/** Directories of layers and containers that are not there at all: what is left of them is only what names them. */
import { join } from "node:path";
import type { CacheId } from "../../model/digest.js";
import { type Finding, finding } from "../fsck-finding.js";
import type { MountRecord, Picture } from "../fsck-picture.js";
import type { Relations } from "../fsck-relations.js";
import { isEmpty } from "./layers.js";

export function* checkMissingDirectories(picture: Picture, relations: Relations): Generator<Finding> {
  for (const layer of picture.layers.values()) {
    const { chainId, cacheId } = layer;
    if (isEmpty(layer) || !relations.truth.has(chainId)) continue;
    if (cacheId.state !== "valid" || picture.directories.has(cacheId.value)) continue;
    // Found under another name: `cache-id` is at fault.
    if ((relations.places.lost.get(chainId) ?? []).length > 0 || relations.places.disputed.has(chainId)) continue;
    const path = join(picture.home, cacheId.value);
    yield finding("LAYER_DIR_MISSING", { subject: chainId, path, restore: { kind: "layer", chainId } });
  }
  for (const mount of picture.mounts.values()) yield* checkMount(picture, relations, mount);
}

function* checkMount(picture: Picture, { places }: Relations, { containerId: subject }: MountRecord) {
  const place = places.mounts.get(subject);
  if (place === undefined || !picture.containers.has(subject)) return;
  const { rw, init, fault } = place;
  if (rw !== null && !picture.directories.has(rw))
    yield finding("RW_DIR_MISSING", { subject, path: join(picture.home, rw) });
  // Where the file that names it is at fault, it is looked for when that is mended.
  if (init === null || picture.directories.has(init) || fault !== null) return;
  const path = join(picture.home, init);
  const steps =
    isNamedBelow(picture, rw) && picture.driver === "overlay2"
      ? [{ do: "init-layer", containerId: subject } as const]
      : [];
  yield finding("INIT_DIR_MISSING", { subject, path, steps });
}

/** Whether the name of an init layer, which is in the container's own layer only, is there. */
export function isNamedBelow({ directories }: Picture, rw: CacheId | null): boolean {
  return rw !== null && (directories.get(rw)?.lowers.length ?? 0) > 0;
}
