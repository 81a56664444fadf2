/** Directories of layers and containers that are not there at all: what is left of them is only what names them. */
import { join } from "node:path";
import type { CacheId } from "../../model/digest.js";
import { type Finding, finding } from "../fsck-finding.js";
import type { MountRecord, Picture } from "../fsck-picture.js";
import type { Relations } from "../fsck-relations.js";
import { topOf } from "./directories.js";
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

function* checkMount(picture: Picture, relations: Relations, mount: MountRecord): Generator<Finding> {
  const { containerId: subject, mountId, initId } = mount;
  if (!picture.containers.has(subject)) return;
  const isThere = (id: CacheId) => picture.directories.has(id);
  if (mountId.state === "valid" && !isThere(mountId.value)) {
    yield finding("RW_DIR_MISSING", { subject, path: join(picture.home, mountId.value) });
  }
  if (initId.state !== "valid" || isThere(initId.value)) return;
  const path = join(picture.home, initId.value);
  const link = mountId.state === "valid" ? picture.directories.get(mountId.value)?.lowers[0] : undefined;
  const lower = lowerOn(picture, relations, subject);
  const steps =
    picture.driver !== "overlay2" || link === undefined || lower === null
      ? []
      : [{ do: "init-layer", cacheId: initId.value, link, lower } as const];
  yield finding("INIT_DIR_MISSING", { subject, path, steps });
}

/** What `lower` of the init layer has to be: what the read-write layer has below it; null where nobody knows. */
function lowerOn(picture: Picture, relations: Relations, containerId: string): string | null {
  const mountId = picture.mounts.get(containerId)?.mountId;
  const record = mountId?.state === "valid" ? picture.directories.get(mountId.value) : undefined;
  if (record === undefined) return null;
  const expected = relations.below(topOf(picture, relations, containerId)).length + 1;
  if (record.lowers.length !== expected) return null;
  return record.lowers
    .slice(1)
    .map((link) => `l/${link}`)
    .join(":");
}
