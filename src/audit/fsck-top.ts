/** What a container stands on. Four files say it, and one of them may be what is damaged: most of them are believed. */
import type { CacheId, ChainId } from "../model/digest.js";
import type { Picture } from "./fsck-picture.js";
import type { Relations } from "./fsck-relations.js";

/** A layer, null for none; undefined where nothing can be read. */
type Said = ChainId | null | undefined;

/** The top layer below a container: by its image, its mount's `parent` and both its `lower`; null for none. */
export function topOf(picture: Picture, relations: Relations, containerId: string): ChainId | null {
  const byImage = imageTopOf(picture, containerId);
  const parent = picture.mounts.get(containerId)?.parent;
  const byMount = parent?.state === "valid" ? parent.value : parent?.state === "absent" ? null : undefined;
  // The other two could at most say both the same.
  if (byImage !== undefined && byImage === byMount) return byImage;
  const { rw, init } = relations.places.mounts.get(containerId) ?? { rw: null, init: null };
  const byInit = saidByLower(picture, relations, init, null);
  const byRw = saidByLower(picture, relations, rw, init);
  const votes = new Map<ChainId | null, number>();
  // Among as many voices the first counts, and no `parent` last.
  for (const said of [byImage, byMount ?? undefined, byRw, byInit, byMount]) {
    if (said !== undefined && !votes.has(said)) votes.set(said, 0);
  }
  for (const said of [byImage, byMount, byRw, byInit]) {
    if (said !== undefined) votes.set(said, (votes.get(said) ?? 0) + 1);
  }
  const most = Math.max(...votes.values());
  return [...votes].find(([, count]) => count === most)?.[0] ?? null;
}

/** The top layer of the image that a container's config names; undefined where that image is not known. */
export function imageTopOf({ containers, images }: Picture, containerId: string): ChainId | null | undefined {
  const imageId = containers.get(containerId)?.imageId ?? null;
  const image = imageId === null ? undefined : images.get(imageId);
  return image?.state === "sound" ? (image.chain.at(-1) ?? null) : undefined;
}

/** @param above the init layer, which comes first in the `lower` of the read-write layer; null for none */
function saidByLower(
  { directories, driver }: Picture,
  { places, below }: Relations,
  cacheId: CacheId | null,
  above: CacheId | null,
): Said {
  const record = cacheId === null ? undefined : directories.get(cacheId);
  if (record === undefined) return undefined;
  const { lower, lowers } = record;
  if (driver === "overlay") return places.layerAt(lowers[0] as CacheId | undefined) ?? undefined;
  if (above !== null && (lowers[0] === undefined || places.byLink(lowers[0]) !== above)) return undefined;
  const layers = above === null ? lowers : lowers.slice(1);
  const [first] = layers;
  if (first === undefined) return above !== null || lower.kind === "absent" ? null : undefined;
  const top = places.layerAt(places.byLink(first));
  return top !== null && below(top).length === layers.length ? top : undefined;
}
