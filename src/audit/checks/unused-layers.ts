/** Layers that nothing stands on. Where anything is missing that could stand on them, they are its own. */

import { diskUse } from "../disk-use.js";
import { type Finding, finding } from "../fsck-finding.js";
import type { Picture } from "../fsck-picture.js";
import { isNeeded, type Relations } from "../fsck-relations.js";
import { topOf } from "../fsck-top.js";
import { workUnderWay } from "../under-way.js";
import { missingImages } from "./images.js";
import { isEmpty } from "./layers.js";

export function* checkUnusedLayers(picture: Picture, relations: Relations): Generator<Finding> {
  if (!everyUserIsKnown(picture, relations)) return;
  for (const layer of picture.layers.values()) {
    const { chainId, dir, cacheId, diff, size } = layer;
    if (isNeeded(relations, chainId) || isEmpty(layer) || cacheId.state !== "valid") continue;
    // Something else is wrong with it, and is reported.
    if (!relations.truth.has(chainId) || relations.places.disputed.has(chainId)) continue;
    if (relations.buildKit.ownsLayer(chainId) || relations.buildKit.mayOwn(cacheId.value)) continue;
    const record = picture.directories.get(cacheId.value);
    yield finding("LAYER_UNUSED", {
      subject: chainId,
      path: dir,
      bytes: diskUse(dir) + (record === undefined ? 0 : diskUse(record.dir)),
      steps:
        diff.state === "valid" && size.state === "valid"
          ? [{ do: "drop-layer", chainId, diffId: diff.value, cacheId: cacheId.value }]
          : [],
    });
  }
}

function everyUserIsKnown(picture: Picture, relations: Relations): boolean {
  if (workUnderWay(picture) !== null) return false;
  for (const { state } of picture.images.values()) if (state !== "sound") return false;
  for (const { chainId } of picture.layers.values()) if (!relations.truth.has(chainId)) return false;
  if (missingImages(picture, relations).size > 0) return false;
  // It may be the entry of one that is missing.
  for (const chainId of relations.places.lost.keys()) if (!picture.layers.has(chainId)) return false;
  for (const { containerId, parent } of picture.mounts.values()) {
    if (parent.state !== "valid" && parent.state !== "absent") return false;
    if (topOf(picture, relations, containerId) !== (parent.state === "valid" ? parent.value : null)) return false;
  }
  // A container without its mount, or whose mount does not say what it stands on.
  return relations.places.lostContainers.size === 0;
}
