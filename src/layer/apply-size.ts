/** What docker's `size` file says of a layer of overlay2: on-disk-format §2.5, first rule. */
import { constants } from "node:fs";
import { osError } from "../errors.js";
import type { ByteString } from "../model/bytes.js";
import { close, O_PATH, openAt } from "../sys/at.js";
import { errnoName, must } from "../sys/errno.js";
import { namesAt } from "../sys/read-names.js";
import { isDirectory, statAt } from "../sys/stat.js";

/**
 * Bytes of everything below a directory that is no directory, each inode once.
 * @param onStep called at each directory; what it throws ends the work
 */
export function sizeOfTree(dir: number, onStep: () => void = () => {}): number {
  return sizeBelow(dir, "." as ByteString, new Set(), onStep);
}

function sizeBelow(dir: number, name: ByteString, seen: Set<string>, onStep: () => void): number {
  onStep();
  const what = "read a directory of the layer";
  const fd = must(openAt(dir, name, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW), what);
  try {
    let size = 0;
    // Also asked for a look at a root, which changes no time of access.
    const names = namesAt(fd);
    if (typeof names === "number") throw osError(errnoName(-names), what);
    for (const child of names) {
      const stat = statAt(fd, child);
      if (typeof stat === "number") size += must(stat, "look at a file of the layer");
      else if (isDirectory(stat)) size += sizeBelow(fd, child, seen, onStep);
      else if (stat.nlink === 1 || isFirst(stat.identity, seen)) size += stat.size;
    }
    return size;
  } finally {
    close(fd);
  }
}

function isFirst(identity: string, seen: Set<string>): boolean {
  if (seen.has(identity)) return false;
  seen.add(identity);
  return true;
}
