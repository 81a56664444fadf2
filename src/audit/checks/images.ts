/** Image configs and what is noted about them. */
import { join } from "node:path";
import { type ImageId, isImageId } from "../../model/digest.js";
import { type Finding, finding, shown } from "../fsck-finding.js";
import type { ImageRecord, MetadataRecord, Picture } from "../fsck-picture.js";
import { isNeeded, type Relations } from "../fsck-relations.js";

/** Go's time.RFC3339Nano, which dockerd parses it with. */
const RFC3339 = /^\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d([.,]\d+)?(Z|[+-]\d\d:\d\d)$/;

const CODE = { changed: "IMAGE_CHANGED", unreadable: "IMAGE_UNREADABLE", invalid: "IMAGE_INVALID" } as const;

export function* checkImages(picture: Picture, relations: Relations): Generator<Finding> {
  for (const image of picture.images.values()) if (image.state !== "sound") yield badImage(image, image.state);
  const missing = missingImages(picture, relations);
  for (const [id, why] of missing) {
    const path = join(picture.image, "imagedb", "content", "sha256", id.slice("sha256:".length));
    yield finding("IMAGE_MISSING", { subject: id, path, detail: why, restore: { kind: "image", id } });
  }
  for (const record of picture.metadata.values()) yield* checkMetadata(picture, record, missing);
}

function badImage({ id, path, detail }: ImageRecord, state: keyof typeof CODE): Finding {
  return finding(CODE[state], {
    subject: id,
    path,
    detail,
    restore: state === "invalid" ? null : { kind: "image", id },
  });
}

/** Whether an image was just being brought or removed: see store/image-marks.ts. */
export function isMarked({ layerdb }: Picture, id: string): boolean {
  return layerdb.tmp.has(`image-${id.slice("sha256:".length)}`);
}

/**
 * Images that are gone and have names, while something is left that only an image keeps: layers that nothing else uses,
 * or a container. A name without either is a stale name; a container without either was left by `rmi -f`, and works.
 */
export function missingImages(picture: Picture, relations: Relations): Map<string, string> {
  const missing = new Map<string, string>();
  const madeFrom = new Map<string, string>();
  for (const { id, imageId } of picture.containers.values()) if (imageId !== null) madeFrom.set(imageId, id);
  let unused: boolean | null = null;
  for (const { text, imageId } of picture.names.names) {
    if (!isImageId(imageId) || picture.images.has(imageId) || isMarked(picture, imageId)) continue;
    const container = madeFrom.get(imageId);
    if (container !== undefined) missing.set(imageId, `${text} names it, and container ${container} was made from it`);
    else if ((unused ??= hasUnusedLayers(picture, relations))) {
      missing.set(imageId, `${text} names it, and layers of it may be left`);
    }
  }
  return missing;
}

function hasUnusedLayers(picture: Picture, relations: Relations): boolean {
  for (const chainId of picture.layers.keys()) if (!isNeeded(relations, chainId)) return true;
  return false;
}

function* checkMetadata(
  picture: Picture,
  { id, dir, parent, lastUpdated }: MetadataRecord,
  missing: ReadonlyMap<string, string>,
): Generator<Finding> {
  if (!picture.images.has(id as ImageId)) {
    // Kept for an image that may come back.
    if (!missing.has(id) && !isMarked(picture, id))
      yield finding("METADATA_STALE", { subject: id, path: dir, steps: [{ do: "remove", path: dir }] });
    return;
  }
  if (parent.kind !== "absent") {
    const text = parent.kind === "text" ? parent.text.trim() : parent.reason;
    const path = join(dir, "parent");
    if (!picture.images.has(text as ImageId) && !missing.has(text)) {
      const detail = `found ${shown(text)}`;
      yield finding("IMAGE_PARENT_STALE", { subject: id, path, detail, steps: [{ do: "remove", path }] });
    }
  }
  if (lastUpdated.kind !== "absent" && !(lastUpdated.kind === "text" && RFC3339.test(lastUpdated.text))) {
    const path = join(dir, "lastUpdated");
    const detail = `found ${shown(lastUpdated.kind === "text" ? lastUpdated.text : lastUpdated.reason)}`;
    yield finding("LAST_UPDATED_INVALID", { subject: id, path, detail, steps: [{ do: "remove", path }] });
  }
}
