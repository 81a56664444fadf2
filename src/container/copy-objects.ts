/** What `ovl cp` copies, one object after another: as a tar has them, whether or not there is a tar. */
import { OvlError } from "../errors.js";
import type { ByteString } from "../model/bytes.js";
import { archived } from "../rootfs/archived.js";
import { joinPath, shownPath } from "../rootfs/entry.js";
import { HardLinks } from "../rootfs/hard-links.js";
import type { Located } from "../rootfs/locate.js";
import { type Visit, walk } from "../rootfs/walk.js";
import type { TarTime, TarType } from "../tar/entry.js";
import type { TarReader } from "../tar/reader.js";
import type { WritableType } from "../tar/writer.js";

export interface CopyObject {
  /** From the directory that it is copied into; empty for that directory itself. */
  readonly name: ByteString;
  readonly type: WritableType;
  /** Where a symlink leads; of a hard link the name of an object before it. */
  readonly linkName: ByteString;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content: 0 for what is no file. */
  readonly size: number;
  readonly mtime: TarTime;
  readonly devMajor: number;
  readonly devMinor: number;
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
  /** Read before the next object is asked for, and disposed by who asked for it. */
  content(): ObjectContent;
}

export interface ObjectContent extends Disposable {
  read(): Uint8Array | null;
}

/**
 * An object of a union and everything below it.
 * @param name that it gets; empty: what is in the directory
 * @param fileAt a file that stands in for the one at a path of the union; null for none
 */
export function* objectsOf(
  located: Located,
  name: ByteString,
  fileAt: (path: ByteString) => Located | null = () => null,
): Generator<CopyObject, void, undefined> {
  const { entry, directory, path } = located;
  if (entry === null) throw new OvlError("NOT_FOUND", `no such path: ${shownPath(path)}`, { path: shownPath(path) });
  const links = new HardLinks();
  const standing = (visit: Visit): Visit => {
    const { entry, directory } = fileAt(visit.path) ?? visit;
    return entry === null ? visit : { path: visit.path, entry, directory };
  };
  const top = objectOf(standing({ path, entry, directory }), name, links);
  if (top !== null) yield top;
  if (entry.type !== "directory") return;
  using inner = directory.enter(entry);
  const prefix = path === "" ? 0 : path.length + 1;
  for (const visit of walk(inner)) {
    const object = objectOf(standing(visit), joinPath(name, visit.path.slice(prefix) as ByteString), links);
    if (object !== null) yield object;
  }
}

function objectOf(visit: Visit, name: ByteString, links: HardLinks): CopyObject | null {
  const object = archived(visit, name, links);
  return object && { ...object, content: () => visit.directory.open(visit.entry) };
}

/** The entries of a tar. Throws BAD_TAR. */
export function* objectsIn(tar: TarReader): Generator<CopyObject, void, undefined> {
  for (let entry = tar.next(); entry !== null; entry = tar.next()) {
    const type = writable(entry.type);
    if (type === null) continue;
    yield {
      ...entry,
      type,
      size: type === "file" ? entry.size : 0,
      content: () => ({ read: () => tar.payload().read(), [Symbol.dispose]() {} }),
    };
  }
}

function writable(type: TarType): WritableType | null {
  if (type === "global") return null;
  // POSIX: what a reader does not know is a file to it.
  return type === "unknown" ? "file" : type;
}
