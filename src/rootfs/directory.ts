/**
 * A directory of the union: the directories of one path in several layers, merged as the kernel's overlay filesystem
 * merges them. Each layer's part is held open, and everything is reached from there by one component at a time, never
 * through a symlink: nothing that lies in a layer leads out of it.
 */
import { constants } from "node:fs";
import type { Ids } from "../driver/layer-ids.js";
import { OvlError } from "../errors.js";
import type { ByteString } from "../model/bytes.js";
import { close, O_PATH, openAt, openAt2, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, S_IFMT, S_IFREG } from "../sys/at.js";
import { ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR } from "../sys/errno.js";
import { namesAt, readLinkAt } from "../sys/read-names.js";
import { type Stat, statAt, statOf } from "../sys/stat.js";
import { type Content, reopen } from "./content.js";
import { type Entry, entryOf, joinPath, SELF, shownPath, unreadable } from "./entry.js";
import { type OverlayMarks, overlayMarks, visibleXattrs } from "./overlay-xattrs.js";

/** What all directories of a union share. */
export interface UnionContext {
  /** Content directories, absolute, topmost first, and each open by O_PATH. */
  readonly dirs: readonly string[];
  readonly roots: readonly number[];
  readonly userXattrs: boolean;
  /** A single layer as it is, instead of what a mount shows. */
  readonly showsWhiteouts: boolean;
  readonly ids: Ids | null;
  /** Told of directories that a kernel may merge with others than those of their path. */
  onRedirect(path: ByteString, dir: string): void;
}

const DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const CLOSED = -1;

interface Part {
  readonly layer: number;
  fd: number;
}

export class UnionDirectory implements Disposable {
  /** Of the union, without leading slash; empty for the root. */
  readonly path: ByteString;
  readonly #union: UnionContext;
  /** Topmost first. */
  readonly #parts: readonly Part[];

  /** Use `Union.root` and `enter`. */
  constructor(union: UnionContext, path: ByteString, parts: readonly Part[]) {
    this.#union = union;
    this.path = path;
    this.#parts = parts;
  }

  /** The layers that it is merged from, topmost first. */
  get layers(): number[] {
    return this.#parts.map(({ layer }) => layer);
  }

  /** How many files it keeps open. */
  get held(): number {
    return this.#parts.reduce((sum, { fd }) => sum + (fd === CLOSED ? 0 : 1), 0);
  }

  /**
   * Everything in it, in byte order of the names. Names are kept for the time of the listing, nothing else; what is
   * removed meanwhile is passed over.
   */
  *entries(): Generator<Entry, void, undefined> {
    const layers = this.#names();
    for (const name of [...layers.keys()].sort()) {
      const entry = this.#stat(layers.get(name) as Part, name);
      if (entry !== null && (entry.type !== "whiteout" || this.#union.showsWhiteouts)) yield entry;
    }
  }

  /** What has a name in it; null where nothing has. */
  get(name: ByteString): Entry | null {
    if (name === "" || name === ".." || name.includes("/")) {
      throw new OvlError("INTERNAL", `${JSON.stringify(name)} is no name in a directory`);
    }
    for (const part of this.#parts) {
      const entry = this.#stat(part, name);
      if (entry !== null) return entry.type === "whiteout" && !this.#union.showsWhiteouts ? null : entry;
    }
    return null;
  }

  /**
   * A directory in it, merged with what lower layers have under its name, as far down as nothing hides them. The
   * caller disposes it. Throws PERMISSION, IO.
   */
  enter(entry: Entry): UnionDirectory {
    const { name } = entry;
    const path = joinPath(this.path, name);
    const parts: Part[] = [];
    try {
      for (const part of this.#parts) {
        if (part.layer < entry.layer) continue;
        const fd = openAt(this.#fd(part), name, DIRECTORY);
        if (fd >= 0) parts.push({ layer: part.layer, fd });
        else if (fd === -ENOENT && parts.length > 0) continue;
        // Something else of this name, a whiteout too, hides all below it.
        else if ((fd === -ENOTDIR || fd === -ELOOP) && parts.length > 0) break;
        else throw this.#failure(part.layer, path, -fd, "open the directory");
        if (name !== SELF && this.#hidesBelow(part, name, path)) break;
      }
    } catch (thrown) {
      for (const { fd } of parts) close(fd);
      throw thrown;
    }
    return new UnionDirectory(this.#union, path, parts);
  }

  /** Content of a file. The caller disposes it. Throws PERMISSION, IO, BAD_ROOT where a layer has only its metadata. */
  open(entry: Entry): Content {
    const path = joinPath(this.path, entry.name);
    const pathFd = openAt(this.#fdOf(entry), entry.name, O_PATH | constants.O_NOFOLLOW);
    if (pathFd < 0) throw this.#failure(entry.layer, path, -pathFd, "open");
    try {
      const stat = statOf(pathFd);
      if (typeof stat === "number" || (stat.mode & S_IFMT) !== S_IFREG) {
        throw new OvlError("IO", `${shownPath(path)} is no file any more: something changes the layer`, {
          path: shownPath(path),
        });
      }
      if (stat.size > 0 && this.marks(entry).metacopy) throw this.#onlyMetadata(entry, path);
      const content = reopen(pathFd, stat.size);
      if (typeof content === "number") throw this.#failure(entry.layer, path, -content, "read");
      return content;
    } finally {
      close(pathFd);
    }
  }

  /** Where a symlink leads. */
  readLink(entry: Entry): ByteString {
    const target = readLinkAt(this.#fdOf(entry), entry.name);
    if (typeof target !== "number") return target;
    throw this.#failure(entry.layer, joinPath(this.path, entry.name), -target, "read the symlink");
  }

  /** Extended attributes as a mount shows them: without the overlay filesystem's own. */
  xattrs(entry: Entry): Map<ByteString, Uint8Array> {
    const xattrs = visibleXattrs(this.#fdOf(entry), entry.name, this.#union.userXattrs);
    if (typeof xattrs !== "number") return xattrs;
    throw this.#failure(entry.layer, joinPath(this.path, entry.name), -xattrs, "read the extended attributes of");
  }

  /** The overlay filesystem's own marks on an object. */
  marks(entry: Entry): OverlayMarks {
    const marks = overlayMarks(this.#fdOf(entry), entry.name, this.#union.userXattrs);
    if (typeof marks !== "number") return marks;
    throw this.#failure(entry.layer, joinPath(this.path, entry.name), -marks, "read the extended attributes of");
  }

  /** The open directory that an entry lies in, by O_PATH; good as long as this is neither released nor disposed. */
  fdOf(entry: Entry): number {
    return this.#fdOf(entry);
  }

  /**
   * Closes what is open; what is used again is opened again, by its path. For walks deeper than there
   * are files to open.
   */
  release(): void {
    for (const part of this.#parts) {
      // The roots are the union's; a root that was entered anew has files of its own.
      if (part.fd === this.#union.roots[part.layer]) continue;
      if (part.fd !== CLOSED) close(part.fd);
      part.fd = CLOSED;
    }
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /** Which part each name is taken from. */
  #names(): Map<ByteString, Part> {
    const found = new Map<ByteString, Part>();
    for (const part of this.#parts) {
      const names = namesAt(this.#fd(part));
      if (typeof names === "number") throw this.#failure(part.layer, this.path, -names, "list");
      for (const name of names) if (!found.has(name)) found.set(name, part);
    }
    return found;
  }

  #stat(part: Part, name: ByteString): Entry | null {
    const stat = statAt(this.#fd(part), name);
    if (typeof stat !== "number") return entryOf(name, mapped(stat, this.#union.ids), part.layer);
    if (stat === -ENOENT || stat === -ENAMETOOLONG) return null;
    throw this.#failure(part.layer, joinPath(this.path, name), -stat, "look at");
  }

  #hidesBelow(part: Part, name: ByteString, path: ByteString): boolean {
    if (part === this.#parts.at(-1)) return false;
    const marks = overlayMarks(this.#fd(part), name, this.#union.userXattrs);
    if (typeof marks === "number") throw this.#failure(part.layer, path, -marks, "read the extended attributes of");
    if (marks.redirect) this.#union.onRedirect(path, this.#dir(part.layer));
    return marks.opaque;
  }

  #fdOf(entry: Entry): number {
    const part = this.#parts.find(({ layer }) => layer === entry.layer);
    if (part === undefined) throw new OvlError("INTERNAL", `${shownPath(this.path)} is not what this entry lies in`);
    return this.#fd(part);
  }

  #fd(part: Part): number {
    if (part.fd !== CLOSED) return part.fd;
    const fd = openDeep(this.#union.roots[part.layer] as number, this.path);
    if (fd < 0) throw this.#failure(part.layer, this.path, -fd, "open the directory");
    part.fd = fd;
    return fd;
  }

  #dir(layer: number): string {
    return this.#union.dirs[layer] as string;
  }

  #failure(layer: number, path: ByteString, errno: number, what: string): OvlError {
    return unreadable(path, this.#dir(layer), errno, what);
  }

  #onlyMetadata(entry: Entry, path: ByteString): OvlError {
    const dir = this.#dir(entry.layer);
    return new OvlError(
      "BAD_ROOT",
      `${shownPath(path)} in ${dir} is only metadata (overlay.metacopy), which overlay2 never makes; read it through a mount with metacopy=on`,
      { path: shownPath(path), dir },
    );
  }
}

/** What is owned by somebody that no container knows stays as it is. */
function mapped(stat: Stat, ids: Ids | null): Stat {
  if (ids === null || ids.uid === 0) return stat;
  const inside = (id: number, first: number) => (id < first ? id : id - first);
  return { ...stat, identity: stat.identity, uid: inside(stat.uid, ids.uid), gid: inside(stat.gid, ids.gid) };
}

/** The kernel takes paths of 4095 bytes; a tree may be deeper. */
const PATH_BYTES = 4000;

/** A directory by its path below an open one, without symlinks; or `-errno`. */
function openDeep(root: number, path: ByteString): number {
  const cut = path.length > PATH_BYTES ? path.lastIndexOf("/", PATH_BYTES) : path.length;
  const fd = openAt2(
    root,
    (path.slice(0, cut) || SELF) as ByteString,
    DIRECTORY,
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
  );
  if (cut === path.length || fd < 0) return fd;
  try {
    return openDeep(fd, path.slice(cut + 1) as ByteString);
  } finally {
    close(fd);
  }
}

/** The root of a union: the layers' directories themselves. The kernel merges all of them, even where one is opaque. */
export function rootDirectory(union: UnionContext): UnionDirectory {
  const parts = union.roots.map((fd, layer) => ({ layer, fd }));
  return new UnionDirectory(union, "" as ByteString, parts);
}
