/** The tree of a union, or of one layer, as records. */
import { OvlError } from "../errors.js";
import { type ByteString, byteStringOf } from "../model/bytes.js";
import { modeText, nameText, timeText } from "./describe.js";
import type { EntryType } from "./entry.js";
import type { UnionLayer } from "./layers.js";
import type { Union } from "./union.js";
import { type Visit, walk } from "./walk.js";

export interface FileRecord {
  readonly path: string;
  readonly type: EntryType;
  /** Octal. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** RFC 3339. */
  readonly mtime: string;
  /** Of a symlink, else null. */
  readonly linkTarget: string | null;
  /** Index of the layer that it is in: 0 is the bottom. */
  readonly layer: number;
}

/**
 * What a path names, and everything below it, one at a time. Symlinks on the way to it are followed inside the union.
 * Throws NOT_FOUND.
 * @param layers those of the union, topmost first
 */
export function* listFiles(union: Union, layers: readonly UnionLayer[], path: string): Generator<FileRecord> {
  using top = union.locate(byteStringOf(path), "parents");
  const { entry, directory } = top;
  if (entry === null) {
    const shown = nameText(byteStringOf(path));
    throw new OvlError("NOT_FOUND", `no such path: ${shown}`, { path: shown });
  }
  yield recordOf({ path: top.path, entry, directory }, layers);
  if (entry.type !== "directory") return;
  using inner = directory.enter(entry);
  for (const visit of walk(inner)) yield recordOf(visit, layers);
}

function recordOf({ path, entry, directory }: Visit, layers: readonly UnionLayer[]): FileRecord {
  const { stat, type } = entry;
  return {
    path: nameText(`/${path}` as ByteString),
    type,
    mode: modeText(stat),
    uid: stat.uid,
    gid: stat.gid,
    size: stat.size,
    mtime: timeText(stat.mtime),
    linkTarget: type === "symlink" ? nameText(directory.readLink(entry)) : null,
    layer: layers[entry.layer]?.index ?? 0,
  };
}
