/** Which of what is unfinished a running daemon, or another ovl, may be at work on. */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { Picture } from "./fsck-picture.js";

/**
 * Milliseconds without a change after which nobody is at work on it: a layer's tar-split grows while the layer is
 * unpacked, and dockerd keeps what it left in `layerdb/tmp` for ever.
 */
const ABANDONED = 3_600_000;

/** @param path of `layerdb/tmp/<name>` or `layerdb/sha256/<name>-removing` */
export function isUnderWay({ daemonRuns }: Picture, path: string): boolean {
  return daemonRuns && Date.now() - Math.max(changed(path), changed(join(path, "tar-split.json.gz"))) < ABANDONED;
}

/**
 * Path of something that somebody may be at work on; null where nothing is. A pull or build under way makes its
 * directories before it says so anywhere.
 */
export function workUnderWay(picture: Picture): string | null {
  for (const { path } of picture.layerdb.tmp.values()) if (path !== null && isUnderWay(picture, path)) return path;
  return null;
}

function changed(path: string): number {
  try {
    return lstatSync(path).mtimeMs;
  } catch {
    return 0;
  }
}
