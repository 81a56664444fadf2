/**
 * What a layer brought, by the tar headers that tar-split keeps: the state of its directory after the tar was applied
 * to it by the overlay2 driver. Contents are not among it; docker save checks those, and nothing else.
 */
import { entryPath, insideLayer } from "../layer/apply-path.js";
import { symlinkTimesOf, timesOf } from "../layer/apply-times.js";
import { openSplit } from "../layer/split-file.js";
import type { ByteString } from "../model/bytes.js";
import { cleanPath } from "../tar/clean.js";
import type { TarEntry, TarTime } from "../tar/entry.js";
import { TarReader } from "../tar/reader.js";
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
  /** A directory that hides what is below it in lower layers. */
  opaque: boolean;
  /** Names of it. */
  names: number;
  /** In the tree of the overlay driver: it came with a layer below. */
  readonly inherited: boolean;
}

/** By cleaned path inside the layer; the root itself is not among them. */
export type LayerNodes = ReadonlyMap<ByteString, LayerNode>;

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
const NO_XATTRS: ReadonlyMap<ByteString, Uint8Array> = new Map();

/** Throws BAD_ROOT, BAD_TAR and DUPLICATE_PATH for a tar-split that is damaged. */
export function readLayerNodes(tarSplit: string): LayerNodes {
  return applied(new Nodes(), tarSplit);
}

function applied(nodes: Nodes, tarSplit: string): LayerNodes {
  using split = openSplit(tarSplit);
  const source = new HeaderSource(decodeSplit(split, tarSplit));
  const tar = new TarReader(source);
  for (let entry = tar.next(); entry !== null; entry = tar.next()) {
    source.hasPayload = entry.type === "file";
    nodes.apply(entry);
  }
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

  apply(entry: TarEntry): void {
    const name = cleanPath(entry.name);
    if (entry.type === "global" || entry.type === "unknown" || name === ".") return;
    const { parent, base } = entryPath(this.#resolve(insideLayer(name)));
    // `/` gives the layer's root its attributes, which the driver's own directory has and nobody sees.
    if (base === ".") return;
    this.#imply(parent);
    const path = join(parent, base);
    if (base === OPAQUE) this.hide(parent);
    else if (base.startsWith(WHITEOUT)) {
      this.remove(join(parent, base.slice(WHITEOUT.length) as ByteString), entry);
    } else if (entry.type === "hardlink") this.#link(path, entry);
    else if (entry.type === "directory" && this.all.get(path)?.type === "directory") {
      Object.assign(this.all.get(path) as LayerNode, attributes(entry), { inherited: false });
    } else this.put(path, nodeOf(entry));
  }

  /** An opaque directory. */
  protected hide(path: ByteString): void {
    const directory = this.all.get(path);
    if (directory !== undefined) directory.opaque = true;
  }

  protected remove(path: ByteString, entry: TarEntry): void {
    this.put(path, whiteout(entry));
  }

  /** The last entry decides the attributes of all names; those of a symlink stay. */
  #link(path: ByteString, entry: TarEntry): void {
    const node = this.all.get(this.#resolve(insideLayer(cleanPath(entry.linkName))));
    if (node === undefined) return;
    node.names++;
    this.put(path, node);
    const { uid, gid, mode, xattrs, mtime } = attributes(entry);
    Object.assign(node, { uid, gid });
    if (node.type === "symlink") return;
    Object.assign(node, { mode, mtime: node.mtime === null ? null : mtime });
    if (xattrs.size > 0) node.xattrs = new Map([...node.xattrs, ...xattrs]);
  }

  protected put(path: ByteString, node: LayerNode): void {
    if (this.all.get(path)?.type === "directory") {
      for (const below of this.all.keys()) if (below.startsWith(`${path}/`)) this.all.delete(below);
    }
    this.all.set(path, node);
  }

  #imply(path: ByteString): void {
    if (path === "" || this.all.has(path)) return;
    this.#imply(entryPath(path).parent);
    this.all.set(path, { ...EMPTY, type: "directory", mode: this.impliedMode });
  }

  /** Directories that are symlinks in the same layer are written through. */
  #resolve(path: ByteString): ByteString {
    let { parent, base } = entryPath(path);
    for (let hops = 0; hops < 40; hops++) {
      const at = this.#firstLink(parent);
      if (at === null) break;
      const target = (this.all.get(at) as LayerNode).target;
      const from = target.startsWith("/") ? target : `${entryPath(at).parent}/${target}`;
      parent = insideLayer(cleanPath(`/${from}${parent.slice(at.length)}` as ByteString));
    }
    return base === "." ? ("" as ByteString) : join(parent, base);
  }

  #firstLink(path: ByteString): ByteString | null {
    for (let end = path.indexOf("/"); path !== ""; end = path.indexOf("/", end + 1)) {
      const prefix = (end < 0 ? path : path.slice(0, end)) as ByteString;
      if (this.all.get(prefix)?.type === "symlink") return prefix;
      if (end < 0) return null;
    }
    return null;
  }
}

class TreeNodes extends Nodes {
  protected override readonly impliedMode = 0o600;
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

function nodeOf(entry: TarEntry): LayerNode {
  const { type, devMajor, devMinor } = entry;
  const node = type as LayerNode["type"];
  const isDevice = node === "char" || node === "block";
  return {
    ...EMPTY,
    ...attributes(entry),
    type: node,
    target: node === "symlink" ? entry.linkName : EMPTY.target,
    device: isDevice ? `${devMajor}:${devMinor}` : EMPTY.device,
    size: node === "file" ? entry.size : 0,
    whiteout: node === "char" && devMajor === 0 && devMinor === 0,
  };
}

function whiteout(entry: TarEntry): LayerNode {
  return { ...EMPTY, type: "char", uid: entry.uid >>> 0, gid: entry.gid >>> 0, whiteout: true };
}

function attributes(entry: TarEntry) {
  const { mode, uid, gid, type, xattrs } = entry;
  const { mtime } = type === "symlink" ? symlinkTimesOf(entry) : timesOf(entry);
  return {
    mode: mode & 0o7777,
    // What chown takes, where all ones leave the id as it is: root's.
    uid: uid >>> 0 === 0xffffffff ? 0 : uid >>> 0,
    gid: gid >>> 0 === 0xffffffff ? 0 : gid >>> 0,
    // Use of a layer changes directories' times.
    mtime: type === "directory" ? null : mtime,
    xattrs,
  };
}

function join(parent: ByteString, base: ByteString): ByteString {
  return (parent === "" ? base : `${parent}/${base}`) as ByteString;
}
