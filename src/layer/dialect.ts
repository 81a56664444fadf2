/** What the storage drivers do differently with a layer's entries. */
import type { TarEntry } from "../tar/entry.js";
import type { ApplyTarget, EntryPath, ImpliedDirectory } from "./apply-target.js";

export interface LayerDialect {
  /** How directories are made that the archive has no entry for. */
  readonly implied: ImpliedDirectory;
  /**
   * An entry that this driver gives a meaning of its own, done.
   * @returns false for an ordinary entry, which is still to be made
   */
  handle(target: ApplyTarget, entry: TarEntry, at: EntryPath): boolean;
  /** Docker's `size` of the finished layer. */
  size(target: ApplyTarget): number;
}
