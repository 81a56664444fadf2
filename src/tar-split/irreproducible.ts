/**
 * Entries that dockerd extracts but whose tar it can never give back, as far as the headers tell. Assembly puts
 * `size` bytes of the file of an entry's name where its content was: that must be the content, all of it.
 */
import type { ByteString } from "../model/bytes.js";
import { baseName, escapes } from "../tar/clean.js";
import type { TarEntry } from "../tar/entry.js";
import { isHeaderOnly } from "../tar/header.js";
import { WHITEOUT } from "../tar/whiteout.js";

export interface Irreproducible {
  /** Name as in the archive. */
  readonly name: ByteString;
  readonly reason: IrreproducibleReason;
}

/**
 * - `sparse`: the file is stored expanded, the archive had it packed
 * - `sized-link`: a type without content whose header claims some (links, directories, devices)
 * - `whiteout-payload`: a whiteout is no file that content could be read from
 * - `root-name`: content for the layer's directory itself
 * - `path-escape`: stored inside the layer, but looked for outside
 * - `replaced`: another entry of the layer took its place, or docker looks for it elsewhere
 * - `cut-padding`: the archive ends inside its last padding, and those bytes are not kept
 */
export type IrreproducibleReason =
  | "sparse"
  | "sized-link"
  | "whiteout-payload"
  | "root-name"
  | "path-escape"
  | "replaced"
  | "cut-padding";

/** @param path the entry's name, cleaned */
export function irreproducible(entry: TarEntry, path: ByteString): IrreproducibleReason | null {
  if (entry.sparse) return "sparse";
  if (entry.size === 0) return null;
  if (isHeaderOnly(entry.type)) return "sized-link";
  if (baseName(path).startsWith(WHITEOUT)) return "whiteout-payload";
  if (path === "." || path === "/") return "root-name";
  return escapes(path) ? "path-escape" : null;
}

/** For warnings: why the entry cannot be given back. */
export function reasonText(reason: IrreproducibleReason): string {
  switch (reason) {
    case "sparse":
      return "it is sparse in the archive and stored expanded";
    case "sized-link":
      return "its header claims content that its type does not have";
    case "whiteout-payload":
      return "it is a whiteout with content";
    case "root-name":
      return "it names the layer's own directory but has content";
    case "path-escape":
      return "its name leads out of the layer";
    case "replaced":
      return "where docker looks for its content, another entry of the layer is, or nothing";
    case "cut-padding":
      return "the archive ends inside the padding after it";
  }
}
