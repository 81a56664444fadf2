/** A layer's directory beside the headers of its tar: what docker save never looks at. */
import { constants } from "node:fs";
import { type Ids, layerIds } from "../../driver/layer-ids.js";
import { type ByteString, byteStringOf } from "../../model/bytes.js";
import {
  AT_FDCWD,
  close,
  O_PATH,
  openAt,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../sys/at.js";
import { ROOTS_MARK, USERS_MARK, YES } from "../../sys/opaque.js";
import { bitsToReadBack, canMakeLayers, seesTrusted } from "../../sys/privilege.js";
import { namesAt, readLinkAt } from "../../sys/read-names.js";
import { isDirectory, type Stat, statAt } from "../../sys/stat.js";
import { getXattrAt, listXattrsAt } from "../../sys/xattr.js";
import type { FsckCode } from "../fsck-codes.js";
import type { LayerNode, LayerNodes } from "../layer-headers.js";

export interface Difference {
  readonly code: FsckCode;
  readonly path: ByteString;
  readonly detail: string;
  /** What it was; null for what the layer did not bring. */
  readonly node: LayerNode | null;
}

export interface TamperingOptions {
  /** BuildKit's own directories, whose tar has times cut to seconds and no sockets. */
  readonly buildKit: boolean;
  /** Of the overlay driver: the tree of the layer below, whose files this one has as hard links. */
  readonly below?: string | null;
}

const O_PATH_DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** @param dir the layer's content directory */
export function compareWithHeaders(dir: string, nodes: LayerNodes, options: TamperingOptions): Difference[] {
  const fd = openAt(AT_FDCWD, byteStringOf(dir), O_PATH_DIRECTORY);
  if (fd < 0) return [];
  const below = options.below == null ? -1 : openAt(AT_FDCWD, byteStringOf(options.below), O_PATH_DIRECTORY);
  try {
    return new Comparison(fd, layerIds(dir), nodes, options).run(below);
  } finally {
    close(fd);
    if (below >= 0) close(below);
  }
}

class Comparison {
  readonly #root: number;
  readonly #nodes: LayerNodes;
  readonly #options: TamperingOptions;
  readonly #found: Difference[] = [];
  readonly #seen = new Set<ByteString>();
  readonly #retyped = new Set<ByteString>();
  /** Objects on disk by what they were. */
  readonly #identities = new Map<LayerNode, { readonly identity: string; readonly path: ByteString }>();
  /** null: a root that an ordinary user filled has no owners and no devices. */
  readonly #ids: Ids | null;
  /** So has one that was filled by this very process's like: by root without all of its rights. */
  readonly #isLesserRoots: boolean;
  /** Whether `trusted.*`, with root's marks of opaque directories among them, can be seen. */
  readonly #seesMarks: boolean;

  constructor(root: number, ids: Ids | null, nodes: LayerNodes, options: TamperingOptions) {
    this.#root = root;
    this.#nodes = nodes;
    this.#options = options;
    this.#ids = ids;
    this.#isLesserRoots = ids?.uid === 0 && process.getuid?.() === 0 && !canMakeLayers();
    this.#seesMarks = ids === null || seesTrusted();
  }

  /** @param below the tree of the layer below, open; negative for none */
  run(below: number): Difference[] {
    this.#walk(this.#root, below, "" as ByteString);
    const gone = new Set<ByteString>();
    for (const [path, node] of this.#nodes) {
      if (this.#seen.has(path)) continue;
      // What was below something that is gone has gone with it.
      if (node.type === "directory") gone.add(path);
      if (this.#isBelow(path, gone)) continue;
      // Content that is missing is found where content is read.
      if (node.type === "file" && node.size > 0 && node.names === 1 && !node.inherited) continue;
      if (this.#isLeftOut(node)) continue;
      this.#find("ENTRY_MISSING", path, `it was a ${nameOf(node)}`, node);
    }
    return this.#found;
  }

  #isLeftOut({ type, whiteout }: LayerNode): boolean {
    if (this.#ids !== null && !this.#isLesserRoots) return false;
    return (type === "char" || type === "block") && !whiteout;
  }

  #isBelow(path: ByteString, gone: ReadonlySet<ByteString>): boolean {
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const above = path.slice(0, at) as ByteString;
      if (gone.has(above)) return true;
      if (this.#seen.has(above)) return this.#retyped.has(above);
    }
    return false;
  }

  #walk(dir: number, below: number, prefix: ByteString): void {
    const names = namesAt(dir);
    if (typeof names === "number") return;
    for (const name of names.sort()) {
      const path = (prefix === "" ? name : `${prefix}/${name}`) as ByteString;
      const stat = statAt(dir, name);
      if (typeof stat === "number") continue;
      const node = this.#nodes.get(path);
      if (node === undefined) {
        if (this.#options.buildKit && (stat.mode & S_IFMT) === constants.S_IFSOCK) continue;
        this.#find("FILE_ADDED", path, `it is a ${typeOf(stat)}`, null);
        continue;
      }
      this.#seen.add(path);
      if (node.inherited && node.type === "file" && typeOf(stat) === "file") {
        this.#compareWithBelow(below, name, path, node, stat);
        continue;
      }
      if (!this.#compare(dir, name, path, node, stat) || !isDirectory(stat)) continue;
      const fd = openAt(dir, name, O_PATH_DIRECTORY);
      if (fd < 0) continue;
      const fdBelow = below < 0 ? below : openAt(below, name, O_PATH_DIRECTORY);
      try {
        this.#walk(fd, fdBelow, path);
      } finally {
        close(fd);
        if (fdBelow >= 0) close(fdBelow);
      }
    }
  }

  /** The same file as in the layer below, where it is compared. */
  #compareWithBelow(below: number, name: ByteString, path: ByteString, node: LayerNode, { identity }: Stat): void {
    const there = below < 0 ? below : statAt(below, name);
    if (typeof there === "number" || there.identity === identity) return;
    this.#find("HARD_LINK_BROKEN", path, "it was one with the same file of the layer below", node);
  }

  /** Whether it still is of the type that it was. */
  #compare(dir: number, name: ByteString, path: ByteString, node: LayerNode, stat: Stat): boolean {
    const isDevice = node.type === "char" || node.type === "block";
    const actual = typeOf(stat);
    if (actual !== node.type || (isDevice && `${stat.rdevMajor}:${stat.rdevMinor}` !== node.device)) {
      this.#retyped.add(path);
      this.#find("TYPE_CHANGED", path, `it was a ${nameOf(node)}, and is a ${actual}`, node);
      return false;
    }
    if (node.whiteout) return true;
    const differ = (code: FsckCode, expected: string, found: string) => {
      if (expected !== found) this.#find(code, path, `expected ${expected}, found ${found}`, node);
    };
    if (node.type === "symlink") {
      const target = readLinkAt(dir, name);
      differ("LINK_TARGET_CHANGED", JSON.stringify(node.target), JSON.stringify(target));
    } else {
      // Without root's rights a layer's owner was given what it takes to read it back.
      const needed = this.#ids !== null && !this.#isLesserRoots ? 0 : bitsToReadBack(node.type);
      differ("MODE_CHANGED", octal(node.mode | needed), octal((stat.mode & 0o7777) | needed));
    }
    const owner = `${stat.uid}:${stat.gid}`;
    if (this.#ids !== null && !(this.#isLesserRoots && owner === "0:0")) {
      differ("OWNER_CHANGED", `${node.uid + this.#ids.uid}:${node.gid + this.#ids.gid}`, owner);
    }
    this.#compareTimes(path, node, stat);
    this.#compareXattrs(dir, name, path, node);
    this.#compareNames(path, node, stat);
    return true;
  }

  #compareTimes(path: ByteString, node: LayerNode, { mtime }: Stat): void {
    const expected = node.mtime;
    if (expected === null || (expected.sec === mtime.sec && expected.nsec === mtime.nsec)) return;
    if (this.#options.buildKit && expected.sec === mtime.sec && expected.nsec === 0) return;
    this.#find("TIME_CHANGED", path, `expected ${timeText(expected)}, found ${timeText(mtime)}`, node);
  }

  #compareNames(path: ByteString, node: LayerNode, { identity }: Stat): void {
    if (node.names === 1) return;
    const first = this.#identities.get(node);
    if (first === undefined) this.#identities.set(node, { identity, path });
    else if (first.identity !== identity) this.#find("HARD_LINK_BROKEN", path, `it was one with ${first.path}`, node);
  }

  #compareXattrs(dir: number, name: ByteString, path: ByteString, node: LayerNode): void {
    // The overlay driver copies directories without their attributes.
    if (node.inherited) return;
    const listed = listXattrsAt(dir, name);
    if (typeof listed === "number") return;
    const wrong: string[] = [];
    const mark = this.#ids !== null && this.#seesMarks ? ROOTS_MARK : USERS_MARK;
    const brought = node.opaque ? new Map([...node.xattrs, [mark, YES]]) : node.xattrs;
    for (const attribute of listed) {
      if (brought.has(attribute) || KERNELS_OWN.test(attribute)) continue;
      wrong.push(attribute === mark ? "it hides what lower layers have" : `${attribute} was added`);
    }
    for (const [attribute, value] of brought) {
      if (!this.#isKept(attribute, node)) continue;
      const actual = getXattrAt(dir, name, attribute);
      if (actual === null) wrong.push(attribute === mark ? "it no longer hides lower layers" : `${attribute} is gone`);
      // An ACL is changed by the mode that is set after it.
      else if (typeof actual !== "number" && !ACL.test(attribute) && !Buffer.from(actual).equals(value)) {
        wrong.push(`${attribute} was changed`);
      }
    }
    if (wrong.length > 0) this.#find("XATTR_CHANGED", path, wrong.join(", "), node);
  }

  /** Whether the kernel takes such an attribute, so that one that is not there was removed. */
  #isKept(attribute: ByteString, { type }: LayerNode): boolean {
    // Root's own may be there in its place, unseen.
    if (attribute === USERS_MARK && !this.#seesMarks) return false;
    if (attribute.startsWith("user.")) return type === "file" || type === "directory";
    if (attribute.startsWith("trusted.") && !this.#seesMarks) return false;
    return (
      this.#ids !== null &&
      !this.#isLesserRoots &&
      /^(trusted|security)\./.test(attribute) &&
      !KERNELS_OWN.test(attribute)
    );
  }

  #find(code: FsckCode, path: ByteString, detail: string, node: LayerNode | null): void {
    this.#found.push({ code, path, detail, node });
  }
}

const ACL = /^system\.posix_acl_/;
/** Set by the kernel or by the system's policy, whatever the layer brought. */
export const KERNELS_OWN = /^((trusted|user)\.overlay\.(?!opaque$)|security\.(selinux|ima|evm|apparmor)$|system\.)/;

function typeOf({ mode }: Stat): LayerNode["type"] | "socket" {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "symlink";
    case S_IFCHR:
      return "char";
    case S_IFBLK:
      return "block";
    case S_IFIFO:
      return "fifo";
    default:
      return "socket";
  }
}

function nameOf({ type, whiteout }: LayerNode): string {
  return whiteout ? "whiteout" : type;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

function timeText({ sec, nsec }: { readonly sec: number; readonly nsec: number }): string {
  return `${sec}.${String(nsec).padStart(9, "0")}`;
}
