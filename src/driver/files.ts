/**
 * The small files that a docker root consists of: read without trusting what is there, written so that a
 * crash leaves either the old content or the new one.
 */
import { randomInt } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { asOvlError, errnoOf, osError } from "../errors.js";
import { type ByteString, byteStringOf, bytesOf, displayName } from "../model/bytes.js";
import { AT_FDCWD } from "../sys/at.js";
import { errnoName } from "../sys/errno.js";
import { readFileAt } from "../sys/read-file.js";
import { namesAt } from "../sys/read-names.js";

/** No file of this kind is longer in a sound root; the longest is a `lower` of 128 entries, 3712 bytes. */
const SMALL = 64 * 1024;

export type SmallFile =
  | { readonly kind: "read"; readonly bytes: Buffer }
  | { readonly kind: "absent" }
  /** There, but not a file that can be used: a directory, a FIFO, a symlink, too long, unreadable. */
  | { readonly kind: "bad"; readonly reason: string };

/** What says nothing about the file: this process has no descriptors or no memory left, or may not make the call. */
const OWN_LIMITS: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM", "ENOSYS", "EPERM"]);

/**
 * Content of a regular file of at most `limit` bytes. What cannot be read is an answer; throws IO only where that is
 * not for the file's sake.
 */
export function readSmall(path: string, limit = SMALL): SmallFile {
  // The kernel's functions take no such path, and a name on disk has none.
  if (path.includes("\0")) return { kind: "absent" };
  return readSmallAt(AT_FDCWD, byteStringOf(path), limit);
}

/** The same in an open directory. */
export function readSmallAt(dir: number, name: ByteString, limit = SMALL): SmallFile {
  const found = readFileAt(dir, name, limit);
  if (found === "special") return { kind: "bad", reason: "is not a regular file" };
  if (typeof found === "object") {
    if ("buffer" in found) return { kind: "read", bytes: found };
    return { kind: "bad", reason: `has ${found.size} bytes, at most ${limit} expected` };
  }
  const code = errnoName(-found);
  if (code === "ENOENT" || code === "ENOTDIR") return { kind: "absent" };
  if (OWN_LIMITS.has(code)) throw osError(code, `read ${displayName(name)}`, { path: displayName(name) });
  return { kind: "bad", reason: code === "ELOOP" ? "is a symbolic link" : code === "ENXIO" ? "is a socket" : code };
}

/**
 * Names in a directory, in no order, its time of access left as it is where the kernel lets us ask for that. Throws as
 * node:fs does where there is no such directory.
 */
export function readNames(path: string): string[] {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const names = namesAt(fd);
    if (typeof names === "number") throw osError(errnoName(-names), `read ${path}`, { path });
    return names.map((name) => bytesOf(name).toString("utf8"));
  } finally {
    closeSync(fd);
  }
}

/** The same of one that may not have been made yet, where there are none. */
export function namesIn(path: string): string[] {
  try {
    return readNames(path);
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return [];
    throw asOvlError(thrown);
  }
}

/** Text of a small file with surrounding whitespace removed, as dockerd reads ids; null where there is none. */
export function readId(path: string): string | null {
  const file = readSmall(path);
  return file.kind === "read" ? file.bytes.toString("utf8").trim() : null;
}

/**
 * Replaces a file as dockerd does: `.tmp-<name><digits>` beside it, written, synced, given its mode, renamed;
 * and, as dockerd does not, the directory synced, so that the name survives a power loss too.
 * @param via another directory of the filesystem to write it in, where what a crash leaves is found sooner
 */
export function writeAtomically(path: string, content: Uint8Array | string, mode: number, via = dirname(path)): void {
  const temporary = join(via, `.tmp-${basename(path)}${randomInt(2 ** 32)}`);
  // Before the file is replaced: afterwards, want of a descriptor would be a failure that has changed something.
  using directory = new OpenDirectory(dirname(path));
  try {
    writeNew(temporary, content, mode);
    renameSync(temporary, path);
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw asOvlError(thrown);
  }
  directory.sync();
}

/** Creates a file that must not exist yet, with exactly this mode, and syncs it. Throws what keeps it from that. */
export function writeNew(path: string, content: Uint8Array | string, mode: number): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    let offset = 0;
    while (offset < bytes.length) offset += writeSync(fd, bytes, offset);
    fchmodSync(fd, mode);
    fsyncSync(fd);
  } catch (thrown) {
    throw osError(errnoOf(thrown), `write ${path}`, { path }, thrown);
  } finally {
    closeSync(fd);
  }
}

/**
 * Renames, and has the new name and the end of the old one on the disk. Where they cannot be brought there the old
 * name is back.
 */
export function renameDurably(from: string, to: string): void {
  using above = new OpenDirectory(dirname(to));
  using before = new OpenDirectory(dirname(from));
  renameSync(from, to);
  try {
    above.sync();
    if (dirname(from) !== dirname(to)) before.sync();
  } catch (thrown) {
    renameSync(to, from);
    throw thrown;
  }
}

export function syncDirectory(path: string): void {
  using directory = new OpenDirectory(path);
  directory.sync();
}

export function syncFile(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    sync(fd, path);
  } finally {
    closeSync(fd);
  }
}

/** A directory whose names are to be brought to the disk. */
class OpenDirectory implements Disposable {
  readonly #path: string;
  readonly #fd: number;

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  }

  sync(): void {
    sync(this.#fd, this.#path);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

function sync(fd: number, path: string): void {
  try {
    fsyncSync(fd);
  } catch (thrown) {
    throw osError(errnoOf(thrown), `sync ${path}`, { path }, thrown);
  }
}

/** Removes a directory in which nothing is; what else is there, or is not there, stays as it is. */
export function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch (thrown) {
    if (!["ENOENT", "ENOTEMPTY", "ENOTDIR"].includes(errnoOf(thrown))) throw asOvlError(thrown);
  }
}

/** Creates a directory that must not exist yet, with exactly this mode, whatever the umask. */
export function makeDirectory(path: string, mode: number): void {
  mkdirSync(path, mode);
  chmodSync(path, mode);
}

/** Creates a directory unless it is there; one that is there keeps its mode, as dockerd leaves it. */
export function ensureDirectory(path: string, mode: number): void {
  try {
    makeDirectory(path, mode);
  } catch (thrown) {
    if (errnoOf(thrown) !== "EEXIST") throw thrown;
  }
}
