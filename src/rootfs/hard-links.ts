/** Names of one inode, in the order that they are met. */
import type { ByteString } from "../model/bytes.js";
import type { Entry } from "./entry.js";

export class HardLinks {
  /** Only of inodes with further names to come: what a tree of a million pairs needs is one of them at a time. */
  readonly #open = new Map<string, { readonly first: ByteString; left: number }>();

  /** The first name of the same object; null where this is it. Directories have but one. */
  firstOf({ type, stat }: Entry, path: ByteString): ByteString | null {
    if (type === "directory" || stat.nlink < 2) return null;
    const known = this.#open.get(stat.identity);
    if (known === undefined) {
      this.#open.set(stat.identity, { first: path, left: stat.nlink - 1 });
      return null;
    }
    if (--known.left === 0) this.#open.delete(stat.identity);
    return known.first;
  }
}
