/**
 * What a layer brought, by the tar headers that tar-split keeps: the state of its directory after the tar was applied
 * to it by the overlay2 driver. Contents are not among it; docker save checks those, and nothing else.
 */
import { entryPath, insideLayer } from "../layer/apply-path.js";
import { symlinkTimesOf, timesOf } from "../layer/apply-times.js";
import { parentOf } from "../layer/jail.js";
import { openSplit } from "../layer/split-file.js";
import type { ByteString } from "../model/bytes.js";
import { CAPABILITY } from "../sys/capability.js";
import { ROOTS_MARK } from "../sys/opaque.js";
import { cleanPath } from "../tar/clean.js";
import type { TarEntry, TarTime } from "../tar/entry.js";
import { TarReader } from "../tar/reader.js";
import { OPAQUE, WHITEOUT } from "../tar/whiteout.js";
import { decodeSplit } from "../tar-split/decode.js";
import { HeaderSource } from "../tar-split/header-source.js";

/** One object; two names of it are one object here, too. */
export interface LayerNode {
  type: "file" | "directory" | "symlink" | "char" | "block" | "fifo";
  mode: number;
  uid: number;
  gid: number;
  /** null where the archive does not decide it: directories, whiteouts. */
  mtime: TarTime | null;
  xattrs: ReadonlyMap<ByteString, Uint8Array>;
  readonly target: ByteString;
  readonly device: string;
  readonly size: number;
  /** A character device 0:0 that hides a name: only that it is there counts. */
  readonly whiteout: boolean;
  /** A directory marked as one that hides what is below it in lower layers; attributes of entries are not meant. */
  opaque: boolean;
  /** Names of it. */
  names: number;
  /** In the tree of the overlay driver: it came with a layer below. */
  readonly inherited: boolean;
}

/** By cleaned path inside the layer; the root itself is not among them. */
export type LayerNodes = ReadonlyMap<ByteString, LayerNode>;

/** Of a directory: what is made in it gets its group, directories the bit, too. */
const SET_GROUP_ID = 0o2000;
const SET_USER_ID = 0o4000;
const AS_IT_IS = 0xffffffff;
/** On one walk, by the kernel's rule. */
const MOST_SYMLINKS = 40;
const NO_XATTRS: ReadonlyMap<ByteString, Uint8Array> = new Map();

/** Throws BAD_ROOT, BAD_TAR and DUPLICATE_PATH for a tar-split that is damaged. */
export function readLayerNodes(tarSplit: string): LayerNodes {
  return applied(new Nodes(), tarSplit);
}

function applied(nodes: Nodes, tarSplit: string): LayerNodes {
  using split = openSplit(tarSplit);
  const tar = new TarReader(new HeaderSource(decodeSplit(split, tarSplit)));
  for (let entry = tar.next(); entry !== null; entry = tar.next()) nodes.apply(entry);
  nodes.finish();
  return nodes.all;
}

/**
 * The same for the overlay driver, whose directory of a layer is the whole tree up to it: files of lower layers are
 * hard links, directories copies, and whiteouts have done their work.
 * @param below the tree of the layer below; null for a base
 */
export function readTreeNodes(tarSplit: string, below: LayerNodes | null): LayerNodes {
  return applied(new TreeNodes(below), tarSplit);
}

class Nodes {
  readonly all = new Map<ByteString, LayerNode>();
  /** Mode of directories that no entry names. */
  protected readonly impliedMode: number = 0o755;
  /** Whether those are root's own even where the directory above passes its group on. */
  protected readonly impliedRootOwned: boolean = true;
  /** By names as entries have them, since symlinks on the way are followed when the layer is done. */
  readonly #directories: { readonly path: ByteString; readonly mtime: TarTime }[] = [];
  /** The layer's own directory: nobody sees it, but what is made in it may get its group. */
  readonly #root: LayerNode = { ...EMPTY, type: "directory", mode: 0o755 };

  apply(entry: TarEntry): void {
    const name = cleanPath(entry.name);
    if (entry.type === "global" || name === ".") return;
    const named = insideLayer(name);
    const { parent, base } = entryPath(named);
    if (base === ".") {
      giveAttributes(this.#root, entry);
      return;
    }
    const directory = this.#directory(parent);
    const path = join(directory, base);
    if (base.startsWith(WHITEOUT)) {
      this.removeNamesake(path, entry);
      if (base === OPAQUE) this.hide(directory);
      else this.remove(join(directory, base.slice(WHITEOUT.length) as ByteString), entry);
      return;
    }
    if (entry.type === "directory") this.#directories.push({ path: named, mtime: timesOf(entry).mtime });
    if (entry.type === "hardlink") this.#link(path, entry);
    else if (entry.type === "directory" && this.all.get(path)?.type === "directory") {
      this.#merge(this.all.get(path) as LayerNode, entry);
    } else this.put(path, nodeOf(entry, this.#groupIn(directory)));
  }

  /** Directories' times come last, to whatever has their names then. */
  finish(): void {
    for (const { path, mtime } of this.#directories) {
      const node = this.#at(this.#walk(path, true));
      if (node !== undefined && node.mtime !== null) node.mtime = mtime;
    }
  }

  /** An opaque directory. */
  protected hide(path: ByteString): void {
    const directory = this.all.get(path);
    if (directory !== undefined) directory.opaque = true;
  }

  protected remove(path: ByteString, entry: TarEntry): void {
    this.put(path, whiteout(entry));
  }

  /** What is really called like a whiteout: a directory that a deeper name implied, say. */
  protected removeNamesake(path: ByteString, entry: TarEntry): void {
    const node = this.all.get(path);
    if (node !== undefined && (node.type !== "directory" || entry.type !== "directory")) this.#drop(path);
  }

  #merge(node: LayerNode, entry: TarEntry): void {
    // The overlay driver copies directories without their attributes.
    if (node.inherited) Object.assign(node, { inherited: false, xattrs: NO_XATTRS });
    giveAttributes(node, entry);
  }

  /** The last entry decides the attributes of all names. */
  #link(path: ByteString, entry: TarEntry): void {
    const { parent, base } = entryPath(insideLayer(cleanPath(entry.linkName)));
    const directory = this.#walk(parent, true);
    const node = directory === null ? undefined : this.all.get(join(directory, base));
    if (node === undefined) return;
    node.names++;
    this.put(path, node);
    giveOwnerAndXattrs(node, entry);
    node.mode &= ~dropped(node.mode);
    // Where the target's text leads, which may be elsewhere, decides whether there is more to give; and it is given to
    // what the new name leads to.
    const named = this.#at(this.#walk(entry.linkName, false));
    const reached = this.#at(this.#walk(path, true));
    if (named === undefined || named.type === "symlink" || reached === undefined) return;
    const { mode, mtime } = modeAndTime(entry);
    Object.assign(reached, { mode, mtime: reached.mtime === null ? null : mtime });
  }

  protected put(path: ByteString, node: LayerNode): void {
    this.#drop(path);
    this.all.set(path, node);
  }

  #drop(path: ByteString): void {
    if (this.all.get(path)?.type === "directory") {
      for (const other of this.all.keys()) if (isBelow(other, path)) this.all.delete(other);
    }
    this.all.delete(path);
  }

  #at(path: ByteString | null): LayerNode | undefined {
    return path === "" ? this.#root : path === null ? undefined : this.all.get(path);
  }

  /** What a new object in a directory belongs to until its entry says otherwise. */
  #groupIn(directory: ByteString): number {
    const node = this.#at(directory);
    return node === undefined || (node.mode & SET_GROUP_ID) === 0 ? 0 : node.gid;
  }

  /** Where a directory is, behind symlinks; made with those above it where the archive only implies it. */
  #directory(path: ByteString): ByteString {
    const there = this.#walk(path, true);
    if (there !== null) return there;
    const { parent, base } = entryPath(path);
    const above = this.#directory(parent);
    const made = join(above, base);
    this.all.set(made, {
      ...EMPTY,
      type: "directory",
      mode: this.impliedMode | ((this.#at(above)?.mode ?? 0) & SET_GROUP_ID),
      gid: this.impliedRootOwned ? 0 : this.#groupIn(above),
    });
    return made;
  }

  /** Where the kernel's walk of a path ends with the layer as `/`; null where nothing is there. */
  #walk(text: ByteString, follow: boolean): ByteString | null {
    const left = text.split("/").reverse();
    let at = "" as ByteString;
    let hops = 0;
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      if (this.#at(at)?.type !== "directory") return null;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        at = parentOf(at);
        continue;
      }
      const next = join(at, name as ByteString);
      const node = this.all.get(next);
      if (node === undefined) return null;
      if (node.type !== "symlink" || (left.length === 0 && !follow)) {
        at = next;
        continue;
      }
      if (++hops > MOST_SYMLINKS) return null;
      if (node.target.startsWith("/")) at = "" as ByteString;
      left.push(...node.target.split("/").reverse());
    }
    return at;
  }
}

class TreeNodes extends Nodes {
  protected override readonly impliedMode = 0o600;
  protected override readonly impliedRootOwned = false;
  /** What this layer brought: whiteouts and opaque directories act on the others. */
  readonly #own = new Set<ByteString>();

  constructor(below: LayerNodes | null) {
    super();
    const copies = new Map<LayerNode, LayerNode>();
    for (const [path, node] of below ?? []) {
      const copy = copies.get(node) ?? { ...node, inherited: true };
      this.all.set(path, copy);
      copies.set(node, copy);
    }
  }

  /** With this driver it stays. */
  protected override removeNamesake(): void {}

  protected override put(path: ByteString, node: LayerNode): void {
    super.put(path, node);
    this.#own.add(path);
  }

  protected override hide(path: ByteString): void {
    for (const other of this.all.keys()) if (isBelow(other, path) && !this.#own.has(other)) this.all.delete(other);
  }

  protected override remove(path: ByteString): void {
    for (const other of this.all.keys()) if (other === path || isBelow(other, path)) this.all.delete(other);
  }
}

function isBelow(path: ByteString, directory: ByteString): boolean {
  return directory === "" || path.startsWith(`${directory}/`);
}

const EMPTY: LayerNode = {
  type: "file",
  mode: 0,
  uid: 0,
  gid: 0,
  mtime: null,
  xattrs: NO_XATTRS,
  target: "" as ByteString,
  device: "0:0",
  size: 0,
  whiteout: false,
  opaque: false,
  names: 1,
  inherited: false,
};

/** @param group what the directory that it is made in gives it */
function nodeOf(entry: TarEntry, group: number): LayerNode {
  const { type, devMajor, devMinor } = entry;
  const kind = type as LayerNode["type"];
  const isDevice = kind === "char" || kind === "block";
  const node: LayerNode = {
    ...EMPTY,
    type: kind,
    gid: group,
    target: kind === "symlink" ? entry.linkName : EMPTY.target,
    device: isDevice ? `${devMajor}:${devMinor}` : EMPTY.device,
    size: kind === "file" ? entry.size : 0,
    whiteout: kind === "char" && devMajor === 0 && devMinor === 0,
  };
  giveAttributes(node, entry);
  return node;
}

function whiteout(entry: TarEntry): LayerNode {
  return { ...EMPTY, type: "char", uid: entry.uid >>> 0, gid: entry.gid >>> 0, whiteout: true };
}

function giveAttributes(node: LayerNode, entry: TarEntry): void {
  giveOwnerAndXattrs(node, entry);
  Object.assign(node, modeAndTime(entry));
}

/**
 * To chown, all ones leave an id as it is; whatever it changes, a capability of anything but a directory goes.
 * Attributes are added to those that are there.
 */
function giveOwnerAndXattrs(node: LayerNode, entry: TarEntry): void {
  const uid = entry.uid >>> 0;
  const gid = entry.gid >>> 0;
  if (uid !== AS_IT_IS) node.uid = uid;
  if (gid !== AS_IT_IS) node.gid = gid;
  if (node.type !== "directory") node.xattrs = without(CAPABILITY, node.xattrs);
  if (entry.xattrs.size === 0) return;
  node.xattrs = new Map([...node.xattrs, ...entry.xattrs]);
  if (entry.xattrs.has(ROOTS_MARK)) node.opaque = false;
}

/** The bits of a file's mode that a change of owner takes: set-group-id only where the group may execute. */
function dropped(mode: number): number {
  return SET_USER_ID | ((mode & 0o10) === 0 ? 0 : SET_GROUP_ID);
}

function without(name: ByteString, xattrs: LayerNode["xattrs"]): LayerNode["xattrs"] {
  return xattrs.has(name) ? new Map([...xattrs].filter(([one]) => one !== name)) : xattrs;
}

function modeAndTime(entry: TarEntry) {
  const { mode, type } = entry;
  const { mtime } = type === "symlink" ? symlinkTimesOf(entry) : timesOf(entry);
  return {
    mode: mode & 0o7777,
    // Use of a layer changes directories' times.
    mtime: type === "directory" ? null : mtime,
  };
}

function join(parent: ByteString, base: ByteString): ByteString {
  return (parent === "" ? base : `${parent}/${base}`) as ByteString;
}
