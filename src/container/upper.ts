/**
 * Changes to a union as the kernel's overlay filesystem makes them, in its topmost layer alone: a directory is copied
 * up before something is put into it, what lower layers have is hidden by whiteouts, and a directory in a whiteout's
 * place is opaque. What the kernel notes besides for itself is left out (`trusted.overlay.origin`, `impure`, `uuid`:
 * inode numbers that stay the same after a copy-up): it does without where a layer was copied, and so does dockerd.
 */
import { constants } from "node:fs";
import { OvlError } from "../errors.js";
import { type ByteString, byteStringOf } from "../model/bytes.js";
import type { UnionDirectory } from "../rootfs/directory.js";
import { type Entry, isWhiteout, joinPath, shownPath } from "../rootfs/entry.js";
import type { Union } from "../rootfs/union.js";
import {
  AT_FDCWD,
  close,
  makeDirectoryAt,
  makeNodeAt,
  makeSymlinkAt,
  O_PATH,
  openAt,
  openAt2,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  S_IFCHR,
  unlinkAt,
} from "../sys/at.js";
import { changeModeAt, changeOwnerAt, changeTimesAt } from "../sys/attributes.js";
import { ENOENT, EOPNOTSUPP, EPERM, must } from "../sys/errno.js";
import { statAt, statOf } from "../sys/stat.js";
import { setXattrAt } from "../sys/xattr.js";

const DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const YES = Buffer.from("y");

export class UpperLayer implements Disposable {
  readonly #union: Union;
  readonly #dir: string;
  readonly #root: number;
  readonly #privileged: boolean;

  /** @param union whose topmost layer is to be changed; @param privileged whether owners can be given */
  constructor(union: Union, privileged: boolean) {
    this.#union = union;
    this.#dir = union.dirs[0] as string;
    this.#privileged = privileged;
    this.#root = must(openAt(AT_FDCWD, byteStringOf(this.#dir), DIRECTORY), `open ${this.#dir}`, { path: this.#dir });
  }

  /** Makes a directory and those above it that are missing, owned by root. One that is there stays as it is. */
  makeDirectories(path: ByteString, mode: number): void {
    using found = this.#union.locate(path, "none");
    if (found.entry?.type === "directory") return;
    if (found.entry !== null || found.obstacle !== null) throw this.#inTheWay(path, found.entry ?? found.obstacle);
    let at = found.directory.path;
    for (const name of found.missing) {
      this.#put(at, name, (dir, replaced) => {
        this.#must(makeDirectoryAt(dir, name, 0o700), joinPath(at, name));
        this.#own(dir, name);
        // After the owner: a change of owner takes setuid and setgid away.
        this.#must(changeModeAt(dir, name, mode), joinPath(at, name));
        if (replaced) this.#setOpaque(dir, name);
      });
      at = joinPath(at, name);
    }
  }

  /** An empty file, owned by root, in a directory that is there. Nothing has its name. */
  makeFile(directory: ByteString, name: ByteString, mode: number): void {
    this.#put(directory, name, (dir) => {
      close(this.#must(openAt(dir, name, NEW_FILE, 0o600), joinPath(directory, name)));
      this.#own(dir, name);
      this.#must(changeModeAt(dir, name, mode), joinPath(directory, name));
    });
  }

  /** A symlink, whose group is the directory's where that has setgid set. */
  makeSymlink(directory: ByteString, name: ByteString, target: ByteString): void {
    this.#put(directory, name, (dir) => {
      this.#must(makeSymlinkAt(target, dir, name), joinPath(directory, name));
    });
  }

  /** Takes away what is there and is no directory. */
  remove(directory: UnionDirectory, entry: Entry): void {
    const { name } = entry;
    const path = joinPath(directory.path, name);
    const dir = this.#copyUp(directory.path);
    try {
      if (entry.layer === 0) this.#must(unlinkAt(dir, name), path);
      using parent = this.#union.locate(joinPath(directory.path, name), "none");
      if (parent.entry === null) return;
      this.#must(makeNodeAt(dir, name, S_IFCHR, 0), path);
      this.#own(dir, name);
    } finally {
      close(dir);
    }
  }

  [Symbol.dispose](): void {
    close(this.#root);
  }

  /** Makes something where nothing is or a whiteout, which gives way. */
  #put(directory: ByteString, name: ByteString, make: (dir: number, replacesWhiteout: boolean) => void): void {
    const dir = this.#copyUp(directory);
    try {
      const stat = statAt(dir, name);
      const replaced = typeof stat !== "number" && isWhiteout(stat);
      if (replaced) this.#must(unlinkAt(dir, name), joinPath(directory, name));
      make(dir, replaced);
    } finally {
      close(dir);
    }
  }

  /** A directory of the union, as it is in the upper layer: copied there with everything above it. The caller's fd. */
  #copyUp(path: ByteString): number {
    let dir = this.#must(openAt2(this.#root, "." as ByteString, DIRECTORY, RESOLVE_BENEATH), path);
    let at = "" as ByteString;
    try {
      for (const name of path.split("/").filter((part) => part !== "") as ByteString[]) {
        let next = openAt2(dir, name, DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
        if (next === -ENOENT) {
          this.#copyDirectory(dir, at, name);
          next = openAt2(dir, name, DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
        }
        at = joinPath(at, name);
        this.#must(next, at);
        close(dir);
        dir = next;
      }
      return dir;
    } catch (thrown) {
      close(dir);
      throw thrown;
    }
  }

  /** The directory alone, with its owner, mode, times and attributes; the directory above keeps its times. */
  #copyDirectory(dir: number, above: ByteString, name: ByteString): void {
    const path = joinPath(above, name);
    using found = this.#union.locate(path, "none");
    if (found.entry?.type !== "directory") throw this.#inTheWay(path, found.entry ?? found.obstacle);
    const { stat } = found.entry;
    const parent = statOf(dir);
    this.#must(makeDirectoryAt(dir, name, 0o700), path);
    if (this.#privileged) this.#must(changeOwnerAt(dir, name, stat.uid, stat.gid), path);
    for (const [attribute, value] of found.directory.xattrs(found.entry)) {
      const set = setXattrAt(dir, name, attribute, value);
      if (set !== -EOPNOTSUPP && !(set === -EPERM && !this.#privileged)) this.#must(set, path);
    }
    this.#must(changeModeAt(dir, name, stat.mode & 0o7777), path);
    this.#must(changeTimesAt(dir, name, stat.atime, stat.mtime), path);
    if (typeof parent !== "number") {
      this.#must(changeTimesAt(dir, "." as ByteString, parent.atime, parent.mtime), above);
    }
  }

  #own(dir: number, name: ByteString): void {
    if (this.#privileged) this.#must(changeOwnerAt(dir, name, 0, 0), name);
  }

  #setOpaque(dir: number, name: ByteString): void {
    const attribute = (this.#privileged ? "trusted.overlay.opaque" : "user.overlay.opaque") as ByteString;
    this.#must(setXattrAt(dir, name, attribute, YES), name);
  }

  #must(result: number, path: ByteString): number {
    const shown = `${this.#dir}${shownPath(path)}`;
    return must(result, `write ${shown}`, { path: shown });
  }

  #inTheWay(path: ByteString, entry: Entry | null): OvlError {
    const what = entry === null ? "it is not there" : `a ${entry.type} is in its place or above it`;
    return new OvlError("BAD_CONFIG", `cannot make the directory ${shownPath(path)}: ${what}`, {
      path: shownPath(path),
    });
  }
}
