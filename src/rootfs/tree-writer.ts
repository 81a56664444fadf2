/**
 * The objects of a union made again below a directory, each with its owner, mode, times and attributes, and the names
 * of one inode as names of one inode. They come in the order of a walk.
 */
import { constants } from "node:fs";
import { OvlError } from "../errors.js";
import type { ByteString } from "../model/bytes.js";
import { close, deviceNumber, linkAt, makeDirectoryAt, makeNodeAt, makeSymlinkAt, openAt, S_IFMT } from "../sys/at.js";
import { changeModeAt, changeOwnerAt, changeTimesAt } from "../sys/attributes.js";
import { cloneFile } from "../sys/clone.js";
import { EACCES, EINVAL, EMLINK, ENAMETOOLONG, ENOENT, EOPNOTSUPP, EPERM, EXDEV, must } from "../sys/errno.js";
import { isMachineRoot } from "../sys/privilege.js";
import type { Stat } from "../sys/stat.js";
import { setXattrAt } from "../sys/xattr.js";
import { copyContent } from "./copy-content.js";
import { SELF, shownPath } from "./entry.js";
import { HardLinks } from "./hard-links.js";
import { LeftOut } from "./left-out.js";
import type { Union } from "./union.js";
import type { Visit } from "./walk.js";

/** `hardlink`: files are those of the layers themselves, under a further name. */
export type LinkMode = "copy" | "hardlink" | "reflink";

type Xattrs = ReadonlyMap<ByteString, Uint8Array>;

interface Attributes {
  readonly path: ByteString;
  readonly stat: Stat;
  readonly xattrs: Xattrs;
}

/**
 * A directory that is being filled: its attributes are given last, since filling changes its time and needs its mode.
 */
interface Level extends Attributes {
  readonly name: ByteString;
  readonly fd: number;
}

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

export class TreeWriter implements Disposable {
  readonly #root: number;
  readonly #dir: string;
  readonly #link: LinkMode;
  readonly #levels: Level[] = [];
  readonly #links = new HardLinks();
  readonly #leftOut = new LeftOut();
  readonly #givesOwners = process.getuid?.() === 0;
  readonly #isMachineRoot = isMachineRoot();

  /** @param root an open directory, empty; closed when this is disposed. @param dir its path, for messages */
  constructor(root: number, dir: string, link: LinkMode) {
    this.#root = root;
    this.#dir = dir;
    this.#link = link;
  }

  /** Yields within the copying of content, so that the caller can be interrupted. Throws what the system refuses. */
  *add(visit: Visit): Generator<void, void, undefined> {
    const { path, entry, directory } = visit;
    while ((this.#levels.at(-1)?.path ?? "") !== directory.path) this.#leave();
    const dir = this.#levels.at(-1)?.fd ?? this.#root;
    const { name, stat, type } = entry;
    if (this.#linked(visit, dir)) return;
    if (type === "file") {
      yield* this.#file(visit, dir);
    } else if (type === "directory") {
      this.#must(makeDirectoryAt(dir, name, 0o700), path);
      const fd = this.#must(openAt(dir, name, DIRECTORY), path);
      this.#levels.push({ name, fd, path, stat, xattrs: directory.xattrs(entry) });
      return;
    } else if (type === "symlink") {
      this.#must(makeSymlinkAt(directory.readLink(entry), dir, name), path);
    } else {
      const made = makeNodeAt(dir, name, stat.mode & (S_IFMT | 0o700), deviceNumber(stat.rdevMajor, stat.rdevMinor));
      if (made === -EPERM && !this.#isMachineRoot) return this.#leftOut.add("device", path);
      this.#must(made, path);
    }
    this.#attributes(dir, name, { path, stat, xattrs: directory.xattrs(entry) });
  }

  /** Ends what is open, and gives the directory itself the attributes of the root. */
  finish(union: Union): void {
    while (this.#levels.length > 0) this.#leave();
    const { stat } = union.rootEntry;
    this.#attributes(this.#root, SELF, { path: "" as ByteString, stat, xattrs: union.root.xattrs(union.rootEntry) });
  }

  warnings() {
    return this.#leftOut.warnings();
  }

  [Symbol.dispose](): void {
    for (const { fd } of this.#levels) close(fd);
    close(this.#root);
  }

  /** Whether a name for something that is there already was all that it took. */
  #linked(visit: Visit, dir: number): boolean {
    const { path, entry, directory } = visit;
    const first = this.#links.firstOf(entry, path);
    if (first !== null) {
      const linked = linkAt(this.#root, first, dir, entry.name);
      if (linked >= 0) return true;
      // A device that could not be made has no second name either; of a file it is a second copy.
      if (linked !== -EMLINK && linked !== -ENAMETOOLONG && linked !== -ENOENT) this.#must(linked, path);
    }
    if (this.#link !== "hardlink" || entry.type !== "file") return false;
    const linked = linkAt(directory.fdOf(entry), entry.name, dir, entry.name);
    if (linked >= 0) return true;
    if (linked === -EMLINK) return false;
    if (linked !== -EXDEV) this.#must(linked, path);
    throw new OvlError(
      "IO",
      `${this.#dir} is on another filesystem than the root, so files cannot be linked: use --link copy, or a directory beside the root`,
      { path: this.#dir, errno: "EXDEV" },
    );
  }

  *#file({ path, entry, directory }: Visit, dir: number): Generator<void, void, undefined> {
    const fd = this.#must(openAt(dir, entry.name, NEW, 0o600), path);
    try {
      if (entry.stat.size === 0) return;
      using content = directory.open(entry);
      if (this.#link === "reflink") {
        if (cloneFile(content.fd, fd) >= 0) return;
        this.#leftOut.add("content shared", path);
      }
      yield* copyContent(content, { fd, file: `${this.#dir}${shownPath(path)}` });
    } finally {
      close(fd);
    }
  }

  #leave(): void {
    const level = this.#levels.pop();
    if (level === undefined) throw new OvlError("INTERNAL", "a tree was written in another order than that of a walk");
    close(level.fd);
    this.#attributes(this.#levels.at(-1)?.fd ?? this.#root, level.name, level);
  }

  /** Owner, then attributes, then mode: a change of owner takes setuid and file capabilities away. Times last. */
  #attributes(dir: number, name: ByteString, { path, stat, xattrs }: Attributes): void {
    this.#owner(dir, name, path, stat);
    for (const [attribute, value] of xattrs) {
      const set = setXattrAt(dir, name, attribute, value);
      const refused = set === -EOPNOTSUPP || (!this.#isMachineRoot && (set === -EPERM || set === -EACCES));
      if (refused) this.#leftOut.add("attribute", path);
      else this.#must(set, path);
    }
    const isSymlink = (stat.mode & S_IFMT) === constants.S_IFLNK;
    if (!isSymlink) this.#must(changeModeAt(dir, name, stat.mode & 0o7777), path);
    this.#must(changeTimesAt(dir, name, stat.atime, stat.mtime), path);
  }

  #owner(dir: number, name: ByteString, path: ByteString, { uid, gid }: Stat): void {
    if (!this.#givesOwners) {
      if (uid !== process.getuid?.()) this.#leftOut.add("owner", path);
      return;
    }
    const changed = changeOwnerAt(dir, name, uid, gid);
    if (!this.#isMachineRoot && (changed === -EPERM || changed === -EINVAL)) this.#leftOut.add("owner", path);
    else this.#must(changed, path);
  }

  #must(result: number, path: ByteString): number {
    const shown = `${this.#dir}${shownPath(path)}`;
    return result >= 0 ? result : must(result, `write ${shown}`, { path: shown });
  }
}
