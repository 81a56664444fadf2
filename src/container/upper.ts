/**
 * Changes to a union as the kernel's overlay filesystem makes them, in its topmost layer alone: what is changed is
 * copied up before, what lower layers have is hidden by whiteouts, and a directory in a whiteout's place is opaque.
 * What the kernel notes besides for itself is left out (`trusted.overlay.origin`, `impure`, `uuid`: inode numbers that
 * stay the same after a copy-up): it does without where a layer was copied, and so does dockerd.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type OvlError, osError } from "../errors.js";
import { type ByteString, byteStringOf } from "../model/bytes.js";
import type { UnionDirectory } from "../rootfs/directory.js";
import { type Entry, isWhiteout, joinPath, shownPath } from "../rootfs/entry.js";
import type { Located } from "../rootfs/locate.js";
import type { Union } from "../rootfs/union.js";
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  close,
  linkAt,
  makeDirectoryAt,
  makeNodeAt,
  makeSymlinkAt,
  O_PATH,
  openAt,
  renameAt,
  S_IFCHR,
  unlinkAt,
} from "../sys/at.js";
import { changeModeAt, changeOwnerAt } from "../sys/attributes.js";
import { ENOENT, must } from "../sys/errno.js";
import { ownMark, YES } from "../sys/opaque.js";
import { namesAt } from "../sys/read-names.js";
import { isDirectory, statAt } from "../sys/stat.js";
import { setXattrAt } from "../sys/xattr.js";
import { CopyUp, notADirectory } from "./upper-copy-up.js";

const DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Of a whiteout whose place is being taken. */
const ASIDE = `.ovl-aside-${randomBytes(6).toString("hex")}` as ByteString;

export class UpperLayer implements Disposable {
  readonly #union: Union;
  readonly #dir: string;
  readonly #root: number;
  readonly #privileged: boolean;
  readonly #copyUp: CopyUp;

  /** @param union whose topmost layer is to be changed; @param privileged whether owners can be given */
  constructor(union: Union, privileged: boolean) {
    this.#union = union;
    this.#dir = union.dirs[0] as string;
    this.#privileged = privileged;
    this.#root = must(openAt(AT_FDCWD, byteStringOf(this.#dir), DIRECTORY), `open ${this.#dir}`, { path: this.#dir });
    this.#copyUp = new CopyUp(union, this.#root, privileged);
  }

  /** Makes a directory and those above it that are missing, owned by root. One that is there stays as it is. */
  makeDirectories(path: ByteString, mode: number): void {
    using found = this.#union.locate(path, "none");
    if (found.entry?.type === "directory") return;
    if (found.entry !== null || found.obstacle !== null) throw notADirectory(path, found.entry ?? found.obstacle);
    let at = found.directory.path;
    for (const name of found.missing) {
      this.makeDirectory(at, name, mode);
      at = joinPath(at, name);
    }
  }

  /** A directory, owned by root, in one that is there. Nothing has its name. */
  makeDirectory(directory: ByteString, name: ByteString, mode: number): void {
    this.#put(directory, name, (dir, replaced) => {
      this.#must(makeDirectoryAt(dir, name, 0o700), joinPath(directory, name));
      this.#own(dir, name);
      // After the owner: a change of owner takes setuid and setgid away.
      this.#must(changeModeAt(dir, name, mode), joinPath(directory, name));
      if (replaced) this.#setOpaque(dir, name);
    });
  }

  /** An empty file, owned by root, in a directory that is there. Nothing has its name. */
  makeFile(directory: ByteString, name: ByteString, mode: number): void {
    close(this.createFile(directory, name, mode));
  }

  /** The same, open for writing. The caller's fd. */
  createFile(directory: ByteString, name: ByteString, mode: number): number {
    return this.#put(directory, name, (dir) => {
      const fd = this.#must(openAt(dir, name, NEW_FILE, 0o600), joinPath(directory, name));
      try {
        this.#own(dir, name);
        this.#must(changeModeAt(dir, name, mode), joinPath(directory, name));
        return fd;
      } catch (thrown) {
        close(fd);
        throw thrown;
      }
    });
  }

  /** A symlink, whose group is the directory's where that has setgid set. */
  makeSymlink(directory: ByteString, name: ByteString, target: ByteString): void {
    this.#put(directory, name, (dir) => {
      this.#must(makeSymlinkAt(target, dir, name), joinPath(directory, name));
    });
  }

  /** A device, a FIFO or a socket. @param mode type and permission bits */
  makeNode(directory: ByteString, name: ByteString, mode: number, device: number): void {
    this.#put(directory, name, (dir) => {
      this.#must(makeNodeAt(dir, name, mode, device), joinPath(directory, name));
      this.#must(changeModeAt(dir, name, mode & 0o7777), joinPath(directory, name));
    });
  }

  /** A further name of something that is there and no directory. */
  link(from: ByteString, directory: ByteString, name: ByteString): void {
    this.change(from, (dir, first) => {
      this.#put(directory, name, (to) => {
        this.#must(linkAt(dir, first, to, name), joinPath(directory, name));
      });
    });
  }

  /** Gives an object, copied up, to be changed by its name in an open directory, which is good during the call. */
  change<T>(path: ByteString, work: (dir: number, name: ByteString) => T): T {
    using found = this.#there(path);
    const dir = this.#copyUp.directory(found.directory.path);
    try {
      this.#copyUp.object(dir, found.directory, found.entry);
      return work(dir, found.entry.name);
    } finally {
      close(dir);
    }
  }

  /** Takes away what is there, a directory with everything in it. */
  remove(directory: UnionDirectory, { name }: Pick<Entry, "name">): void {
    const dir = this.#copyUp.directory(directory.path);
    try {
      this.#clear(dir, directory.path, name);
      this.#hide(dir, directory.path, name);
    } finally {
      close(dir);
    }
  }

  /**
   * As rename(2): what has the new name gives way, a directory only if nothing is in it. Throws EXDEV, as the kernel
   * without `redirect_dir`, for a directory that lower layers have a part of.
   */
  rename(from: ByteString, to: ByteString): void {
    using source = this.#there(from);
    using target = this.#union.locate(to, "none");
    const [name] = target.entry === null ? target.missing : [target.entry.name];
    if (name === undefined || target.missing.length > 1 || target.obstacle !== null) throw refused("ENOENT", to);
    // Two names of one file: nothing happens.
    const isSame = target.entry?.layer === 0 && target.entry.stat.identity === source.entry.stat.identity;
    if (isSame || target.path === source.path) return;
    const isDir = source.entry.type === "directory";
    if (isDir && `${target.path}/`.startsWith(`${source.path}/`)) throw refused("EINVAL", to);
    if (isDir && this.#hasLowerPart(source)) throw refused("EXDEV", from);
    if (target.entry !== null) this.#checkGivesWay(target, isDir, to);
    const isMerged = target.directory.layers.some((layer) => layer > 0);
    this.change(from, (fromDir, fromName) => {
      const toDir = this.#copyUp.directory(target.directory.path);
      try {
        // A file takes the place of another, or of a whiteout, in one step.
        if (isDir) this.#clear(toDir, target.directory.path, name);
        this.#must(renameAt(fromDir, fromName, toDir, name), to);
        if (isDir && isMerged) this.#setOpaque(toDir, name);
      } finally {
        close(toDir);
      }
      this.#hide(fromDir, source.directory.path, fromName);
    });
  }

  [Symbol.dispose](): void {
    close(this.#root);
  }

  /** Makes something where nothing is or a whiteout, which gives way; it is back where the making fails. */
  #put<T>(directory: ByteString, name: ByteString, make: (dir: number, replacesWhiteout: boolean) => T): T {
    const dir = this.#copyUp.directory(directory);
    const path = joinPath(directory, name);
    try {
      const stat = statAt(dir, name);
      if (typeof stat === "number" || !isWhiteout(stat)) return make(dir, false);
      // Aside and not away: on a full disk there may be no room for another one.
      this.#must(renameAt(dir, name, dir, ASIDE), path);
      try {
        const made = make(dir, true);
        this.#must(unlinkAt(dir, ASIDE), path);
        return made;
      } catch (thrown) {
        if (unlinkAt(dir, name) < 0) unlinkAt(dir, name, AT_REMOVEDIR);
        renameAt(dir, ASIDE, dir, name);
        throw thrown;
      }
    } finally {
      close(dir);
    }
  }

  /** What the topmost layer itself has of this name, whiteouts and what they are in included. */
  #clear(dir: number, directory: ByteString, name: ByteString): void {
    const path = joinPath(directory, name);
    const stat = statAt(dir, name);
    if (stat === -ENOENT) return;
    if (typeof stat === "number") this.#must(stat, path);
    else if (!isDirectory(stat)) this.#must(unlinkAt(dir, name), path);
    else {
      const inner = this.#must(openAt(dir, name, DIRECTORY), path);
      try {
        const names = namesAt(inner);
        if (typeof names === "number") this.#must(names, path);
        else for (const child of names) this.#clear(inner, path, child);
      } finally {
        close(inner);
      }
      this.#must(unlinkAt(dir, name, AT_REMOVEDIR), path);
    }
  }

  /** A whiteout where a lower layer's object would show again. */
  #hide(dir: number, directory: ByteString, name: ByteString): void {
    const path = joinPath(directory, name);
    using found = this.#union.locate(path, "none");
    if (found.entry === null) return;
    this.#must(makeNodeAt(dir, name, S_IFCHR, 0), path);
    this.#own(dir, name);
  }

  #there(path: ByteString): Located & { readonly entry: Entry } {
    const found = this.#union.locate(path, "none");
    if (found.entry !== null) return found as Located & { readonly entry: Entry };
    found[Symbol.dispose]();
    throw refused("ENOENT", path);
  }

  #hasLowerPart({ directory, entry }: Located & { readonly entry: Entry }): boolean {
    using inner = directory.enter(entry);
    return inner.layers.some((layer) => layer > 0);
  }

  #checkGivesWay({ directory, entry }: Located, toDirectory: boolean, path: ByteString): void {
    if (entry === null) return;
    if (entry.type !== "directory") {
      if (toDirectory) throw refused("ENOTDIR", path);
      return;
    }
    if (!toDirectory) throw refused("EISDIR", path);
    using inner = directory.enter(entry);
    for (const _ of inner.entries()) throw refused("ENOTEMPTY", path);
  }

  #own(dir: number, name: ByteString): void {
    if (this.#privileged) this.#must(changeOwnerAt(dir, name, 0, 0), name);
  }

  #setOpaque(dir: number, name: ByteString): void {
    this.#must(setXattrAt(dir, name, ownMark(), YES), name);
  }

  #must(result: number, path: ByteString): number {
    const shown = `${this.#dir}${shownPath(path)}`;
    return must(result, `write ${shown}`, { path: shown });
  }
}

function refused(errno: string, path: ByteString): OvlError {
  return osError(errno, `change ${shownPath(path)}`, { path: shownPath(path) });
}
