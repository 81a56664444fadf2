/** The directory that a layer is applied to, and what every part of applying shares about it. */

import { constants } from "node:fs";
import { OvlError, osError } from "../errors.js";
import { type ByteString, displayName } from "../model/bytes.js";
import { makeDirectoryAt, openAt } from "../sys/at.js";
import { changeMode, changeOwner } from "../sys/attributes.js";
import {
  E2BIG,
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  ERANGE,
  errnoName,
} from "../sys/errno.js";
import { bitsToReadBack } from "../sys/privilege.js";
import { removeTree } from "../sys/remove-tree.js";
import { statOf } from "../sys/stat.js";
import type { TarEntry } from "../tar/entry.js";
import { ApplyWarnings } from "./apply-warnings.js";
import { Jail, parentOf } from "./jail.js";

/** Failures that lie in the archive; all others are the machine's. */
const ARCHIVE_FAULTS: ReadonlySet<number> = new Set([
  ENOENT,
  EEXIST,
  ENOTDIR,
  EISDIR,
  EINVAL,
  ELOOP,
  ENAMETOOLONG,
  E2BIG,
  ERANGE,
  EBUSY,
]);

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Where an entry's object goes: cleaned, relative to the layer's root. */
export interface EntryPath {
  readonly path: ByteString;
  /** Empty for the root. */
  readonly parent: ByteString;
  readonly base: ByteString;
}

export interface ApplyTargetOptions {
  readonly strict: boolean;
  readonly privileged: boolean;
  readonly maxEntries: number;
  readonly onStep: () => void;
}

export class ApplyTarget implements Disposable {
  readonly jail: Jail;
  readonly warnings = new ApplyWarnings();
  readonly strict: boolean;
  /** Whether owners and devices can be given. */
  readonly privileged: boolean;
  /** To be called now and then in what takes long without reading the archive. Throws to end the work. */
  readonly onStep: () => void;
  /** Bytes in files and symlinks made. */
  bytes = 0;
  /** Something was removed again, so `bytes` is no longer what there is. */
  removed = false;
  /** Something was kept inside the layer that would have left it. */
  kept = false;
  readonly #dir: string;
  readonly #maxEntries: number;
  /** Begun, and directories made for them. */
  #entries = 0;
  /** Name of the entry under way, for messages. */
  #entry = "" as ByteString;
  #settling = false;
  /** What an ordinary user could not make: further names for it are left out, too. */
  readonly #leftOut = new Set<ByteString>();

  constructor(dir: string, options: ApplyTargetOptions) {
    this.#dir = dir;
    this.#maxEntries = options.maxEntries;
    this.strict = options.strict;
    this.privileged = options.privileged;
    this.onStep = options.onStep;
    this.jail = new Jail(dir, () => this.contained("passes through a symlink that leads out of the layer"));
  }

  [Symbol.dispose](): void {
    this.jail[Symbol.dispose]();
  }

  begin(name: ByteString): void {
    this.#entry = name;
    if (!this.#settling) this.#count();
  }

  /** From here on entries are only gone through again: what is to be warned of was. */
  settle(): void {
    this.#settling = true;
  }

  /**
   * Makes the directory that an entry goes into, and those above it, where the archive only implies them. What is
   * there and no directory is for the entry to fail at.
   */
  makeParents(path: ByteString): void {
    if (this.jail.directory(path) !== -ENOENT) return;
    const parent = parentOf(path);
    this.makeParents(parent);
    const above = this.must(this.jail.directory(parent), "its directory");
    const base = path.slice(path.lastIndexOf("/") + 1) as ByteString;
    const made = makeDirectoryAt(above, base, 0o700);
    // A symlink that leads nowhere: for the entry to fail at, too.
    if (made === -EEXIST) return;
    this.must(made, "a directory that it implies");
    this.#count();
    const fd = this.must(openAt(above, base, DIRECTORY), "a directory that it implies");
    this.jail.hold(path, fd);
    this.#finishImplied(fd);
  }

  /** A few names imply thousands of directories each, which take as much of the disk as if they were listed. */
  #count(): void {
    if (++this.#entries <= this.#maxEntries) return;
    const limit = this.#maxEntries;
    throw new OvlError(
      "BAD_TAR",
      `layer has more than ${limit} entries, with the directories that their names imply; spread them over several layers`,
      { entry: displayName(this.#entry), limit },
    );
  }

  /**
   * They belong to root even where the directory above passes its group on; a set-group-id bit that they got from it
   * stays, as moby leaves it.
   */
  #finishImplied(fd: number): void {
    const stat = statOf(fd);
    if (typeof stat === "number") throw this.failure(-stat, "a directory that it implies");
    const mode = 0o755 | (stat.mode & 0o7000);
    this.must(changeMode(fd, mode), "the mode of a directory that it implies");
    if (!this.privileged || (stat.uid === 0 && stat.gid === 0)) return;
    this.must(changeOwner(fd, 0, 0), "the owner of a directory that it implies");
  }

  /**
   * Makes an object, in place of whatever has its name.
   * @param make gets the directory's fd; answers a result or `-errno`
   */
  replace(at: EntryPath, make: (dir: number) => number): number {
    const made = make(this.directoryOf(at));
    if (made !== -EEXIST) return made;
    this.remove(at);
    return make(this.directoryOf(at));
  }

  /** Removes what has the entry's name. Every fd of a directory that was got before is void. */
  remove(at: EntryPath): void {
    const remains = removeTree(this.directoryOf(at), at.base);
    if (remains !== null) throw this.failure(remains.errno, "the removal of what had its name");
    this.removed = true;
    this.jail.forget();
  }

  /** An fd of the directory that an entry's object is in. */
  directoryOf(at: EntryPath): number {
    return this.must(this.jail.directory(at.parent), "its directory");
  }

  /** What dockerd only contains: a warning, or under `strict` the end. */
  contained(what: string): void {
    if (this.#settling) return;
    const message = () => `entry "${displayName(this.#entry)}" ${what}; it was kept inside the layer, as dockerd does`;
    this.kept = true;
    if (!this.strict) {
      this.warnings.add("PATH_ESCAPE", this.#entry, message);
      return;
    }
    throw new OvlError(
      "PATH_ESCAPE",
      `refused: entry "${displayName(this.#entry)}" ${what}; without --strict it is kept inside the layer, as dockerd does`,
      { entry: displayName(this.#entry) },
    );
  }

  /** Whether an object is to be given this owner; without root's rights it stays the user's. */
  givesOwner(uid: number, gid: number): boolean {
    if (this.privileged) return true;
    if (uid !== 0 || gid !== 0) this.#unprivileged(() => `owner ${uid}:${gid} of entry "${displayName(this.#entry)}"`);
    return false;
  }

  /** The mode an object is given. Without root's rights its owner must be able to read it back later. */
  modeFor(entry: TarEntry): number {
    const mode = entry.mode & 0o7777;
    if (this.privileged) return mode;
    const needed = bitsToReadBack(entry.type);
    if ((mode & needed) !== needed) this.#unprivileged(() => `unreadable mode of entry "${displayName(this.#entry)}"`);
    return mode | needed;
  }

  /** Goes on without an object that only root can make. */
  leaveOut(path: ByteString): void {
    this.#leftOut.add(path);
    this.#unprivileged(() => `entry "${displayName(this.#entry)}", a device`);
  }

  /** Another entry makes something of this name. */
  putBack(path: ByteString): void {
    this.#leftOut.delete(path);
  }

  isLeftOut(path: ByteString): boolean {
    return this.#leftOut.has(path);
  }

  #unprivileged(what: () => string): void {
    this.warnings.add("UNPRIVILEGED", this.#entry, () => `left out, since only root can do that: ${what()}`);
  }

  /** @param what what could not be done, as a noun: `its owner` */
  must(result: number, what: string): number {
    if (result >= 0) return result;
    throw this.failure(-result, what);
  }

  /** The error for an entry that cannot be applied: BAD_TAR where that is the archive's fault. */
  failure(errno: number, what: string): OvlError {
    const entry = displayName(this.#entry);
    const name = errnoName(errno);
    if (!ARCHIVE_FAULTS.has(errno)) {
      return osError(name, `apply entry "${entry}": ${what}`, { entry, place: this.#dir });
    }
    return this.refusal(`${what}: ${name}`, { errno: name });
  }

  refusal(why: string, fields: Readonly<Record<string, string>> = {}): OvlError {
    const entry = displayName(this.#entry);
    return new OvlError("BAD_TAR", `layer cannot be applied, nor would dockerd: entry "${entry}": ${why}`, {
      entry,
      ...fields,
    });
  }
}
