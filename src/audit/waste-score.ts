/**
 * The efficiency score of dive (wagoodman/dive, dive/filetree/efficiency.go), so that its users can compare: over all
 * paths that any layer has, the sum of the smallest size that a path has in a layer, divided by the sum of all sizes
 * that it has. Only leaves count: files, links, empty directories, whiteouts. The whiteout of a file has size 0, that
 * of a directory the size of all files that were below it; opaque directories are not seen.
 */
import type { ListedEntry } from "../layer/job.js";
import type { ByteString } from "../model/bytes.js";
import { WHITEOUT } from "../tar/whiteout.js";
import type { LayerEffect } from "./waste-tree.js";

export class EfficiencyScore {
  readonly #paths = new Map<ByteString, { least: number; sum: number }>();

  add(entries: readonly ListedEntry[], { deleted }: LayerEffect): void {
    const parents = new Set<string>();
    for (const { path } of entries) {
      for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
        const parent = path.slice(0, at);
        if (parents.has(parent)) break;
        parents.add(parent);
      }
    }
    for (const { path, size } of entries) {
      const whiteout = path.startsWith(WHITEOUT) || path.includes(`/${WHITEOUT}`);
      if (!whiteout && !parents.has(path)) this.#count(path, size);
    }
    for (const { path, bytes } of deleted) this.#count(path, bytes);
  }

  /** 1 where nothing is there twice. */
  get value(): number {
    let least = 0;
    let sum = 0;
    for (const path of this.#paths.values()) {
      least += path.least;
      sum += path.sum;
    }
    return sum === 0 ? 1 : least / sum;
  }

  #count(path: ByteString, size: number): void {
    const known = this.#paths.get(path);
    if (known === undefined) this.#paths.set(path, { least: size, sum: size });
    else {
      known.least = Math.min(known.least, size);
      known.sum += size;
    }
  }
}
