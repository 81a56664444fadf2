/** What docker's `size` file says of a layer that dockerd extracted with overlay2. */
import { osError } from "../errors.js";
import type { ByteString } from "../model/bytes.js";
import { Descent } from "../sys/descent.js";
import { errnoName, must } from "../sys/errno.js";
import { namesAt } from "../sys/read-names.js";
import { isDirectory, statAt } from "../sys/stat.js";

const READING = "read a directory of the layer";

/**
 * Bytes of everything below a directory that is no directory, each inode once.
 * @param onStep called at each directory; what it throws ends the work
 */
export function sizeOfTree(dir: number, onStep: () => void = () => {}): number {
  using place = new Descent(dir);
  const seen = new Set<string>();
  let size = 0;
  /** Directories that are still to be looked into, from the top down to where it is. */
  const levels: ByteString[][] = [["." as ByteString]];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const next = level.pop();
    if (next === undefined) {
      levels.pop();
      if (place.depth > 0) must(place.up(), READING);
      continue;
    }
    onStep();
    must(place.down(next), READING);
    const below: ByteString[] = [];
    for (const name of namesIn(place.fd)) {
      const stat = statAt(place.fd, name);
      if (typeof stat === "number") must(stat, "look at a file of the layer");
      else if (isDirectory(stat)) below.push(name);
      else if (stat.nlink === 1 || isFirst(stat.identity, seen)) size += stat.size;
    }
    levels.push(below);
  }
  return size;
}

function namesIn(dir: number): ByteString[] {
  const names = namesAt(dir);
  if (typeof names === "number") throw osError(errnoName(-names), READING);
  return names;
}

function isFirst(identity: string, seen: Set<string>): boolean {
  if (seen.has(identity)) return false;
  seen.add(identity);
  return true;
}
