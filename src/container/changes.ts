/**
 * What has changed between two file systems, as `docker diff` reports it: moby 20.10, pkg/archive/changes.go, which
 * mounts both and compares them object by object. Here the layers tell what is the same without a look: a directory
 * made of the same layers' directories, a file that is one and the same file.
 */
import type { ByteString } from "../model/bytes.js";
import type { UnionDirectory } from "../rootfs/directory.js";
import { type Entry, joinPath } from "../rootfs/entry.js";
import { Pace } from "../rootfs/pace.js";
import type { Union } from "../rootfs/union.js";
import { S_IFDIR } from "../sys/at.js";
import type { Time } from "../sys/attributes.js";
import { CAPABILITY } from "../sys/capability.js";
import { getXattrAt } from "../sys/xattr.js";

export interface Change {
  /** Added, changed, deleted. */
  readonly kind: "A" | "C" | "D";
  /** With leading slash. */
  readonly path: ByteString;
}

/**
 * Sorted by the bytes of the path. Of what was deleted with its directory, only the directory is told.
 * @param before null for an empty one
 */
export async function changesBetween(
  before: Union | null,
  after: Union,
  signal: AbortSignal | undefined,
): Promise<readonly Change[]> {
  const comparison = new Comparison(before, after, new Pace(signal));
  await comparison.compare(before?.root ?? null, after.root);
  return comparison.changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A place in one of the two file systems: an object and the directory that it lies in. */
interface Place {
  readonly directory: UnionDirectory;
  readonly entry: Entry;
}

/** Directories that are compared on one stack. */
const NESTED = 200;

class Comparison {
  readonly changes: Change[] = [];
  readonly #oldDirs: readonly string[];
  readonly #newDirs: readonly string[];
  readonly #pace: Pace;

  constructor(before: Union | null, after: Union, pace: Pace) {
    this.#oldDirs = before?.dirs ?? [];
    this.#newDirs = after.dirs;
    this.#pace = pace;
  }

  /** What is below two directories of one path; null for one that is not there. */
  async compare(before: UnionDirectory | null, after: UnionDirectory, depth = 1): Promise<void> {
    // What is called stays on the stack until something is awaited, and directories may be thousands deep.
    if (depth % NESTED === 0) await null;
    const old = before?.entries();
    let was = next(old);
    for (const entry of after.entries()) {
      if (this.#pace.isDue) await this.#pace.rest();
      for (; was !== null && was.name < entry.name; was = next(old)) this.#add("D", after.path, was);
      const same = was !== null && was.name === entry.name ? was : null;
      const oldPlace = same === null || before === null ? null : { directory: before, entry: same };
      await this.#pair(oldPlace, { directory: after, entry }, depth);
      if (same !== null) was = next(old);
    }
    for (; was !== null; was = next(old)) this.#add("D", after.path, was);
  }

  /** An object that is there now, and what has been in its place. */
  async #pair(before: Place | null, after: Place, depth: number): Promise<void> {
    const { directory, entry } = after;
    const at = this.changes.length;
    const isChanged = before !== null && this.#differs(before, after);
    if (before === null) this.#add("A", directory.path, entry);
    else if (isChanged) this.#add("C", directory.path, entry);
    if (before !== null && before.entry.type === "directory" && entry.type !== "directory") {
      if (countsAsDirectory(entry)) this.#addContent(before, joinPath(directory.path, entry.name));
      return;
    }
    if (entry.type !== "directory") return;
    using inner = directory.enter(entry);
    using old = before?.entry.type === "directory" ? before.directory.enter(before.entry) : null;
    if (old !== null && this.#isMadeOfTheSame(old, inner)) return;
    // Its own files are opened again when they are asked for: the way down may be deeper than files may be open.
    directory.release();
    before?.directory.release();
    await this.compare(old, inner, depth + 1);
    // What has changed below a directory is told of the directory, too.
    if (this.changes.length > at && before !== null && !isChanged) this.#add("C", directory.path, entry);
  }

  /** docker looks for what has gone from a directory wherever it takes the new object for one. */
  #addContent({ directory, entry }: Place, path: ByteString): void {
    using old = directory.enter(entry);
    for (const gone of old.entries()) this.#add("D", path, gone);
  }

  #add(kind: Change["kind"], directory: ByteString, { name }: Entry): void {
    this.changes.push({ kind, path: `/${joinPath(directory, name)}` as ByteString });
  }

  #differs(before: Place, after: Place): boolean {
    const [a, b] = [before.entry.stat, after.entry.stat];
    if (a.identity === b.identity) return false;
    if (a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid) return true;
    if (a.rdevMajor !== b.rdevMajor || a.rdevMinor !== b.rdevMinor) return true;
    if (!countsAsDirectory(after.entry) && (a.size !== b.size || !isSameTime(a.mtime, b.mtime))) return true;
    return !isEqual(capabilityOf(before), capabilityOf(after));
  }

  #isMadeOfTheSame(before: UnionDirectory, after: UnionDirectory): boolean {
    const old = before.layers.map((layer) => this.#oldDirs[layer]);
    const now = after.layers.map((layer) => this.#newDirs[layer]);
    return old.length === now.length && old.every((dir, i) => dir === now[i]);
  }
}

function next(entries: Iterator<Entry> | undefined): Entry | null {
  const result = entries?.next();
  return result === undefined || result.done === true ? null : result.value;
}

/** moby tests a bit that block devices and sockets have as well: their size and time never count. */
function countsAsDirectory({ stat }: Entry): boolean {
  return (stat.mode & S_IFDIR) !== 0;
}

/** Layers that went through a tar have whole seconds, so a time with 0 nanoseconds is that of its whole second. */
function isSameTime(a: Time, b: Time): boolean {
  return a.sec === b.sec && (a.nsec === b.nsec || a.nsec === 0 || b.nsec === 0);
}

function capabilityOf({ directory, entry }: Place): Uint8Array {
  const value = getXattrAt(directory.fdOf(entry), entry.name, CAPABILITY);
  return value === null || typeof value === "number" ? new Uint8Array() : value;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
