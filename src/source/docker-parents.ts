/** Which image of a docker archive is another one's parent: `Parent` of manifest.json, as dockerd honours it. */
import { OvlError } from "../errors.js";
import type { HistoryEntry } from "../model/config.js";
import type { ImageId } from "../model/digest.js";
import { parseRfc3339 } from "../model/time.js";
import type { SourceImage } from "./source.js";

/**
 * The images with their parents. One that is not in the archive is dropped, as is an image's own id.
 * @param claimed for each image; empty where there is none
 * @param refuse gets BAD_MANIFEST where the history of the child is not that of the parent and one entry more; where it
 * does not throw it, the image is there without a parent
 */
export function validParents(
  images: readonly SourceImage[],
  claimed: readonly (ImageId | "")[],
  refuse: (error: OvlError) => void,
): SourceImage[] {
  const byId = new Map([...images].reverse().map((image) => [image.id, image]));
  return images.map((image, i) => {
    const parent = byId.get(claimed[i] as ImageId);
    if (parent === undefined || parent.id === image.id) return image;
    if (!isParent(image.config.history, parent.config.history)) {
      const message = `image ${parent.id} is not a valid parent of ${image.id}: their history differs`;
      refuse(new OvlError("BAD_MANIFEST", message, { parent: parent.id, id: image.id }));
      return image;
    }
    return { ...image, parent: parent.id };
  });
}

/** Whether a history is that of a parent and at most one entry more: without it dockerd refuses the archive. */
export function isParent(child: readonly HistoryEntry[], parent: readonly HistoryEntry[]): boolean {
  if (child.length === 0 && parent.length === 0) return true;
  return child.length === parent.length + 1 && parent.every((entry, i) => isEqual(entry, child[i] as HistoryEntry));
}

function isEqual(a: HistoryEntry, b: HistoryEntry): boolean {
  const { createdBy, comment, author, emptyLayer } = a;
  const same = createdBy === b.createdBy && comment === b.comment && author === b.author && emptyLayer === b.emptyLayer;
  return same && isSameTime(a.created, b.created);
}

/** By value, and in the same zone: what Go's DeepEqual says of two times. */
function isSameTime(a: string | null, b: string | null): boolean {
  if (a === b) return true;
  const [x, y] = [a, b].map((text) => (text === null ? null : parseRfc3339(text)));
  return !!x && !!y && x.sec === y.sec && x.nsec === y.nsec && x.offset === y.offset;
}
