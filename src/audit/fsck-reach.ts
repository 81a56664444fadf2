/**
 * What may be said, and done, where a part of the layout is missing or is no directory: nothing that only follows from
 * not seeing what is in it. Such findings would be one for each object of the root, and their repairs would remove all
 * that is left.
 */
import { join } from "node:path";
import type { FsckCode } from "./fsck-codes.js";
import type { Finding } from "./fsck-finding.js";
import type { Picture } from "./fsck-picture.js";

/** Faults that are one only where everything else is in sight. */
const NEEDS_SIGHT: ReadonlySet<FsckCode> = new Set<FsckCode>([
  ...(["ORPHAN_LAYER_DIR", "ORPHAN_INIT_DIR", "LINK_STALE", "LINK_MISSING", "LAYER_DIR_MISSING"] as const),
  ...(["LAYER_MISSING", "LAYER_UNUSED", "IMAGE_LAYER_MISSING", "IMAGE_MISSING", "METADATA_STALE"] as const),
  ...(["LAYER_CACHE_ID_BAD", "IMAGE_PARENT_STALE", "REFERENCE_STALE", "STRAY_IN_DRIVER", "IMAGE_UNFINISHED"] as const),
  ...(["MOUNT_WITHOUT_CONTAINER", "MOUNT_MISSING", "MOUNT_PARENT_MISSING"] as const),
  ...(["INIT_DIR_MISSING", "RW_DIR_MISSING", "REMOVING_LEFT", "WRITE_SET_LEFT", "CONTAINER_UNFINISHED"] as const),
]);

/**
 * Drops what only follows from an obstacle, and takes the repair from what would remove the only trace of something.
 */
export function* withinReach(picture: Picture, findings: Iterable<Finding>): Generator<Finding> {
  const { notDirectories, files, image, root } = picture;
  const isThere = (...parts: string[]) => files.list(join(...parts)) !== null;
  const known = isThere(image, "layerdb") && isThere(image, "imagedb", "content", "sha256");
  const containers = join(root, "containers");
  const containersKnown = isThere(containers);
  const whyItStays = (code: FsckCode) => {
    if (!known && REMOVES.has(code)) return `${image} has no word of what is whose`;
    return !containersKnown && code === "MOUNT_WITHOUT_CONTAINER" ? `${containers} is missing as a whole` : null;
  };
  for (const finding of findings) {
    const { code, path } = finding;
    const hidden = [...notDirectories.keys()].some((bad) => path.startsWith(`${bad}/`));
    if (hidden || (notDirectories.size > 0 && NEEDS_SIGHT.has(code))) continue;
    const why = whyItStays(code);
    if (why === null) yield finding;
    else yield { ...finding, bytes: 0, steps: [], message: `${finding.message}: ${why}, so it stays` };
  }
}

const REMOVES: ReadonlySet<FsckCode> = new Set<FsckCode>(["ORPHAN_LAYER_DIR", "ORPHAN_INIT_DIR", "LAYER_UNUSED"]);
