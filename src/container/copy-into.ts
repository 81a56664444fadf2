/**
 * Objects put below a directory of a union, as docker's cp unpacks them (moby pkg/archive, Unpack): directories are
 * merged, everything else is replaced, and no directory gives way to something else or the other way round.
 */
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

/** Throws PATH_ESCAPE, USAGE where a directory stands in a file's place or a file in a directory's, and what writing throws. */
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
    const there = this.#makeWay(path, object.type === "directory");
    if (object.type === "hardlink") return this.#options.upper.link(this.#linked(object), directory, base);
    if (object.type === "directory") {
      if (there === null) this.#options.upper.makeDirectory(directory, base, 0o700);
      this.#times.push([path, object.mtime]);
    } else if (object.type === "file") await this.#file(object, directory, base, pace);
    else if (object.type === "symlink") this.#options.upper.makeSymlink(directory, base, object.linkName);
    else {
      const device = deviceNumber(object.devMajor, object.devMinor);
      this.#options.upper.makeNode(directory, base, NODE_TYPES[object.type] | 0o600, device);
    }
    this.#attributes(path, object);
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

  /** What is there and stays: a directory, for a directory. */
  #makeWay(path: ByteString, forDirectory: boolean): "directory" | null {
    using found = this.#options.union.locate(path, "none");
    if (found.entry === null) return null;
    const isDirectory = found.entry.type === "directory";
    if (isDirectory !== forDirectory) throw inTheWay(path, found.entry.type, forDirectory);
    if (isDirectory) return "directory";
    this.#options.upper.remove(found.directory, found.entry);
    return null;
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
    const { upper, union } = this.#options;
    const fd = upper.createFile(directory, base, 0o600);
    try {
      using content = object.content();
      for (let bytes = content.read(); bytes !== null; bytes = content.read()) {
        this.#must(writeAll(fd, bytes), joinPath(directory, base));
        if (pace.isDue) await pace.rest();
      }
    } catch (thrown) {
      // No half of a file where a whole one was.
      using found = union.locate(joinPath(directory, base), "none");
      if (found.entry !== null) upper.remove(found.directory, found.entry);
      throw thrown;
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
    return must(result, `write ${shownPath(path)}`, { path: shownPath(path) });
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
