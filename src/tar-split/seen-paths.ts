/** Paths of a layer, kept to know one that comes again. */
import { createHash } from "node:crypto";

/**
 * Longer paths are kept as their digests. Those of real layers are shorter nearly always; an archive of a few kilobytes
 * can have ten thousand of a megabyte each.
 */
const LONG_PATH = 256;

/** Holds some 150 bytes a path, and never more than twice that. */
export class SeenPaths {
  readonly #short = new Set<string>();
  readonly #long = new Set<string>();

  get size(): number {
    return this.#short.size + this.#long.size;
  }

  /**
   * False where it has been seen before.
   * @param path cleaned
   */
  add(path: string): boolean {
    return path.length <= LONG_PATH ? added(this.#short, path) : added(this.#long, digest(path));
  }
}

function added(seen: Set<string>, key: string): boolean {
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}

function digest(path: string): string {
  return createHash("sha256").update(path, "latin1").digest("base64");
}
