/**
 * Objects of lower layers copied into the topmost one before they are changed, as the kernel's overlay filesystem does:
 * with content, owner, mode, times and attributes, and after every directory above them. What was one file under
 * several names is several files then.
 */
import { constants } from "node:fs";
import { OvlError } from "../errors.js";
import type { ByteString } from "../model/bytes.js";
import { copyContent } from "../rootfs/copy-content.js";
import type { UnionDirectory } from "../rootfs/directory.js";
import { type Entry, joinPath, SELF, shownPath } from "../rootfs/entry.js";
import type { Union } from "../rootfs/union.js";
import {
  close,
  deviceNumber,
  makeDirectoryAt,
  makeNodeAt,
  makeSymlinkAt,
  O_PATH,
  openAt,
  openAt2,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  S_IFMT,
  unlinkAt,
} from "../sys/at.js";
import { changeModeAt, changeOwnerAt, changeTimesAt } from "../sys/attributes.js";
import { ENOENT, EOPNOTSUPP, EPERM, must } from "../sys/errno.js";
import { statOf } from "../sys/stat.js";
import { setXattrAt } from "../sys/xattr.js";

const DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

export class CopyUp {
  readonly #union: Union;
  readonly #root: number;
  readonly #dir: string;
  readonly #privileged: boolean;

  /** @param root the topmost layer's directory, open; @param privileged whether owners can be given */
  constructor(union: Union, root: number, privileged: boolean) {
    this.#union = union;
    this.#root = root;
    this.#dir = union.dirs[0] as string;
    this.#privileged = privileged;
  }

  /** A directory of the union as it is in the topmost layer, copied there if it is not. The caller's fd. */
  directory(path: ByteString): number {
    let dir = this.#must(openAt2(this.#root, SELF, DIRECTORY, RESOLVE_BENEATH), path);
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

  /** An object of the union that is to be changed itself; `dir` is its directory in the topmost layer. */
  object(dir: number, directory: UnionDirectory, entry: Entry): void {
    if (entry.layer === 0) return;
    this.#keepingTimes(dir, directory.path, () => {
      try {
        this.#make(dir, directory, entry);
        this.#attributes(dir, directory, entry);
      } catch (thrown) {
        // Half a copy would hide the whole file.
        if (entry.type !== "directory") unlinkAt(dir, entry.name);
        throw thrown;
      }
    });
  }

  #copyDirectory(dir: number, above: ByteString, name: ByteString): void {
    const path = joinPath(above, name);
    using found = this.#union.locate(path, "none");
    if (found.entry?.type !== "directory") throw notADirectory(path, found.entry ?? found.obstacle);
    this.object(dir, found.directory, found.entry);
  }

  #make(dir: number, directory: UnionDirectory, entry: Entry): void {
    const { name, stat, type } = entry;
    const path = joinPath(directory.path, name);
    if (type === "directory") this.#must(makeDirectoryAt(dir, name, 0o700), path);
    else if (type === "symlink") this.#must(makeSymlinkAt(directory.readLink(entry), dir, name), path);
    else if (type === "file") this.#copyFile(dir, directory, entry);
    else {
      const device = deviceNumber(stat.rdevMajor, stat.rdevMinor);
      this.#must(makeNodeAt(dir, name, stat.mode & (S_IFMT | 0o700), device), path);
    }
  }

  #copyFile(dir: number, directory: UnionDirectory, entry: Entry): void {
    const path = joinPath(directory.path, entry.name);
    const fd = this.#must(openAt(dir, entry.name, NEW_FILE, 0o600), path);
    try {
      if (entry.stat.size === 0) return;
      using content = directory.open(entry);
      for (const _ of copyContent(content, { fd, file: `${this.#dir}${shownPath(path)}` }));
    } finally {
      close(fd);
    }
  }

  /** Owner before attributes and mode: a change of owner takes setuid and file capabilities away. */
  #attributes(dir: number, directory: UnionDirectory, entry: Entry): void {
    const { name, stat } = entry;
    const path = joinPath(directory.path, name);
    if (this.#privileged) this.#must(changeOwnerAt(dir, name, stat.uid, stat.gid), path);
    for (const [attribute, value] of directory.xattrs(entry)) {
      const set = setXattrAt(dir, name, attribute, value);
      if (set !== -EOPNOTSUPP && !(set === -EPERM && !this.#privileged)) this.#must(set, path);
    }
    if (entry.type !== "symlink") this.#must(changeModeAt(dir, name, stat.mode & 0o7777), path);
    this.#must(changeTimesAt(dir, name, stat.atime, stat.mtime), path);
  }

  /** Nothing has been changed yet where something was only copied. */
  #keepingTimes(dir: number, path: ByteString, work: () => void): void {
    const stat = statOf(dir);
    work();
    if (typeof stat !== "number") this.#must(changeTimesAt(dir, SELF, stat.atime, stat.mtime), path);
  }

  #must(result: number, path: ByteString): number {
    const shown = `${this.#dir}${shownPath(path)}`;
    return must(result, `write ${shown}`, { path: shown });
  }
}

export function notADirectory(path: ByteString, entry: Entry | null): OvlError {
  const what = entry === null ? "it is not there" : `a ${entry.type} is in its place or above it`;
  return new OvlError("BAD_CONFIG", `cannot make the directory ${shownPath(path)}: ${what}`, { path: shownPath(path) });
}
