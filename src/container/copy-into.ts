/**
 * Objects put below a directory of a union, as docker's cp unpacks them (moby pkg/archive, Unpack): directories are
 * merged, everything else is replaced, and no directory gives way to something else or the other way round.
 */
import { randomBytes } from "node:crypto";
import { OvlError } from "../errors.js";
import { type ByteString, displayName } from "../model/bytes.js";
import { type EntryType, joinPath, shownPath } from "../rootfs/entry.js";
import type { Pace } from "../rootfs/pace.js";
import type { Union } from "../rootfs/union.js";
import { close, deviceNumber, S_IFBLK, S_IFCHR, S_IFIFO, S_IFMT } from "../sys/at.js";
import { changeModeAt, changeOwnerAt, changeTimesAt, type Time } from "../sys/attributes.js";
import { EOPNOTSUPP, EPERM, must } from "../sys/errno.js";
import { writeAll } from "../sys/write.js";
import { setXattrAt } from "../sys/xattr.js";
import { baseName, cleanPath, escapes } from "../tar/clean.js";
import type { CopyObject } from "./copy-objects.js";
import type { UpperLayer } from "./upper.js";

export interface CopyIntoOptions {
  readonly union: Union;
  /** Of the union's topmost layer. */
  readonly upper: UpperLayer;
  /** A directory of the union, without symlinks. */
  readonly directory: ByteString;
  /** Whether objects keep their owners; else they are whose process this is. */
  readonly keepsOwners: boolean;
}

const PARENT_MODE = 0o755;
const NODE_TYPES = { char: S_IFCHR, block: S_IFBLK, fifo: S_IFIFO } as const;

/**
 * Throws PATH_ESCAPE, USAGE where a directory stands in a file's place or a file in a directory's,
 * and what writing throws.
 */
export async function copyInto(objects: Iterable<CopyObject>, options: CopyIntoOptions, pace: Pace): Promise<void> {
  const copy = new CopyInto(options);
  for (const object of objects) {
    await copy.add(object, pace);
    if (pace.isDue) await pace.rest();
  }
  copy.finish();
}

class CopyInto {
  readonly #options: CopyIntoOptions;
  /** Name of what is to replace something, until it is complete. */
  readonly #temporary = `.ovl-copy-${randomBytes(6).toString("hex")}` as ByteString;
  /** Filling a directory changes its time. */
  readonly #times: [ByteString, Time][] = [];

  constructor(options: CopyIntoOptions) {
    this.#options = options;
  }

  async add(object: CopyObject, pace: Pace): Promise<void> {
    const name = cleanPath(object.name.replace(/^\/+/, "") as ByteString);
    if (name === "." || name === "") return;
    if (escapes(name)) throw escaping(object.name);
    const directory = this.#directoryFor(name);
    const base = baseName(name);
    const path = joinPath(directory, base);
    const isThere = this.#isThere(path, object.type === "directory");
    if (object.type === "directory") {
      if (!isThere) this.#options.upper.makeDirectory(directory, base, 0o700);
      this.#times.push([path, object.mtime]);
      this.#attributes(path, object);
    } else if (isThere) await this.#replace(object, directory, base, pace);
    else await this.#make(object, directory, base, pace);
  }

  finish(): void {
    for (const [path, time] of this.#times.reverse()) {
      this.#options.upper.change(path, (dir, name) => this.#must(changeTimesAt(dir, name, time, time), path));
    }
  }

  /** Symlinks on the way are followed inside the union: in many images `/bin` is one. */
  #directoryFor(name: ByteString): ByteString {
    const { union, upper, directory } = this.#options;
    const parent = joinPath(directory, name.slice(0, Math.max(0, name.lastIndexOf("/"))) as ByteString);
    using found = union.locate(parent, "all");
    if (found.entry?.type === "directory") return found.path;
    const obstacle = found.entry ?? found.obstacle;
    if (obstacle !== null) throw inTheWay(found.path, obstacle.type, true);
    upper.makeDirectories(found.path, PARENT_MODE);
    return found.path;
  }

  #isThere(path: ByteString, forDirectory: boolean): boolean {
    using found = this.#options.union.locate(path, "none");
    if (found.entry === null) return false;
    if ((found.entry.type === "directory") !== forDirectory) throw inTheWay(path, found.entry.type, forDirectory);
    return true;
  }

  /** What was there stays until its successor is complete: a disk that is full takes nothing away. */
  async #replace(object: CopyObject, directory: ByteString, base: ByteString, pace: Pace): Promise<void> {
    const linked = object.type === "hardlink" ? this.#linked(object) : null;
    const [path, temporary] = [joinPath(directory, base), joinPath(directory, this.#temporary)];
    if (linked === path) return;
    await this.#make(object, directory, this.#temporary, pace);
    try {
      this.#options.upper.rename(temporary, path);
    } finally {
      // Still there after a failure, and where both were names of one file.
      this.#takeBack(temporary);
    }
  }

  /** Wholly or not at all. Nothing has the name. */
  async #make(object: CopyObject, directory: ByteString, base: ByteString, pace: Pace): Promise<void> {
    const { upper } = this.#options;
    if (object.type === "hardlink") return upper.link(this.#linked(object), directory, base);
    const path = joinPath(directory, base);
    try {
      if (object.type === "file") await this.#file(object, directory, base, pace);
      else if (object.type === "symlink") upper.makeSymlink(directory, base, object.linkName);
      else if (object.type !== "directory") {
        const device = deviceNumber(object.devMajor, object.devMinor);
        upper.makeNode(directory, base, NODE_TYPES[object.type] | 0o600, device);
      }
      this.#attributes(path, object);
    } catch (thrown) {
      this.#takeBack(path);
      throw thrown;
    }
  }

  #takeBack(path: ByteString): void {
    using found = this.#options.union.locate(path, "none");
    if (found.entry !== null) this.#options.upper.remove(found.directory, found.entry);
  }

  #linked({ name, linkName }: CopyObject): ByteString {
    const target = cleanPath(linkName.replace(/^\/+/, "") as ByteString);
    if (escapes(target)) throw escaping(name);
    using found = this.#options.union.locate(joinPath(this.#options.directory, target), "parents");
    if (found.entry !== null && found.entry.type !== "directory") return found.path;
    const message = `"${displayName(name)}" is a hard link to "${displayName(linkName)}", which is ${found.entry === null ? "not there" : "a directory"}`;
    throw new OvlError("BAD_TAR", message, { path: displayName(name) });
  }

  async #file(object: CopyObject, directory: ByteString, base: ByteString, pace: Pace): Promise<void> {
    const fd = this.#options.upper.createFile(directory, base, 0o600);
    try {
      using content = object.content();
      for (let bytes = content.read(); bytes !== null; bytes = content.read()) {
        this.#must(writeAll(fd, bytes), joinPath(directory, base));
        if (pace.isDue) await pace.rest();
      }
    } finally {
      close(fd);
    }
  }

  /** Owner first: a change of owner takes setuid and file capabilities away. */
  #attributes(path: ByteString, object: CopyObject): void {
    this.#options.upper.change(path, (dir, name) => {
      if (this.#options.keepsOwners) this.#must(changeOwnerAt(dir, name, object.uid, object.gid), path);
      for (const [attribute, value] of object.xattrs) {
        const set = setXattrAt(dir, name, attribute, value);
        if (set !== -EOPNOTSUPP && set !== -EPERM) this.#must(set, path);
      }
      if (object.type !== "symlink") this.#must(changeModeAt(dir, name, object.mode & ~S_IFMT & 0o7777), path);
      this.#must(changeTimesAt(dir, name, object.mtime, object.mtime), path);
    });
  }

  #must(result: number, path: ByteString): number {
    const place = this.#options.union.dirs[0] as string;
    return must(result, `write ${shownPath(path)}`, { path: shownPath(path), place });
  }
}

function escaping(name: ByteString): OvlError {
  const shown = displayName(name);
  return new OvlError("PATH_ESCAPE", `"${shown}" would leave the directory that is copied into`, { path: shown });
}

function inTheWay(path: ByteString, type: EntryType, isDirectory: boolean): OvlError {
  const [there, copied] = isDirectory ? [`a ${type}`, "a directory"] : ["a directory", "no directory"];
  const message = `cannot copy to ${shownPath(path)}: it is ${there}, and what is to be copied there is ${copied}`;
  return new OvlError("USAGE", message, { path: shownPath(path) });
}
