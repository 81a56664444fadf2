/** What the storage drivers do differently with a layer's entries. One object serves one layer. */
import type { ByteSource } from "../blob/byte-source.js";
import type { ByteString } from "../model/bytes.js";
import type { TarEntry } from "../tar/entry.js";
import type { ApplyTarget, EntryPath, ImpliedDirectory } from "./apply-target.js";

export interface LayerDialect extends Disposable {
  /** How directories are made that the archive has no entry for. */
  readonly implied: ImpliedDirectory;
  /** Whether files may be hard links to those of lower layers' directories, which are not this layer's to change. */
  readonly sharesFiles: boolean;
  /**
   * Whether an entry makes nothing, not even the directories that its name implies.
   * @param name the entry's, cleaned
   */
  passesOver(entry: TarEntry, name: ByteString): boolean;
  /**
   * An entry that this driver gives a meaning of its own, done.
   * @returns false for an ordinary entry, which is still to be made
   */
  handle(target: ApplyTarget, entry: TarEntry, at: EntryPath, payload: ByteSource): boolean;
  /** After everything else. Returns docker's `size` of the layer. */
  finish(target: ApplyTarget): number;
}
