/**
 * Directories and small files of a root read without trust and without a trace: no symlink is followed, no FIFO
 * opened for its content, no time of access changed where the kernel lets us ask for that.
 */
import { constants, lstatSync, readlinkSync } from "node:fs";
import { readSmall } from "../driver/files.js";
import { type OvlError, osError } from "../errors.js";
import { type ByteString, byteStringOf, displayName, utf8Of } from "../model/bytes.js";
import { AT_FDCWD, close, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../sys/at.js";
import { EACCES, ENOENT, errnoName } from "../sys/errno.js";
import { openQuietlyAt, typedNamesOf } from "../sys/read-names.js";
import { statAt } from "../sys/stat.js";

/** Something in a directory. A root has a hundred thousand of them, so that only what is asked for is worked out. */
export class Entry {
  /** Fit for display, and what the disk has where `path` is not null. */
  readonly name: string;
  readonly kind: "directory" | "file" | "symlink" | "other";
  readonly #directory: string;
  readonly #isText: boolean;

  constructor(directory: string, raw: ByteString, kind: Entry["kind"]) {
    const text = utf8Of(raw);
    this.name = text ?? displayName(raw);
    this.kind = kind;
    this.#directory = directory;
    this.#isText = text !== null;
  }

  /** null where the name cannot be written as text. */
  get path(): string | null {
    return this.#isText ? `${this.#directory}/${this.name}` : null;
  }

  /** Bytes; 0 for what has gone. */
  get size(): number {
    return this.path === null ? 0 : (lstatSync(this.path, { throwIfNoEntry: false })?.size ?? 0);
  }
}

export type Listing = ReadonlyMap<string, Entry>;

/** What a small file says. `text` has a char a byte. */
export type Text =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "absent" }
  | { readonly kind: "bad"; readonly reason: string };

export class FsckFiles {
  files = 0;
  bytes = 0;

  /**
   * What is in a directory; null where nothing is there, the reason where it is no directory. Throws PERMISSION:
   * an answer made without having looked would be wrong.
   */
  list(path: string): Listing | null | string {
    const fd = openQuietlyAt(AT_FDCWD, byteStringOf(path), constants.O_RDONLY | constants.O_DIRECTORY);
    if (fd === -ENOENT) return null;
    if (fd === -EACCES) throw unreadable(path);
    if (fd < 0) return "is not a directory";
    try {
      const names = typedNamesOf(fd);
      if (typeof names === "number") return `cannot be read: ${errnoName(-names)}`;
      const entries = new Map<string, Entry>();
      for (const [raw, type] of names.sort(byName)) {
        const kind = type === "unknown" ? kindOf(fd, raw) : type;
        // Gone since: on a live root things are.
        if (kind === null) continue;
        const entry = new Entry(path, raw, kind);
        entries.set(entry.name, entry);
      }
      return entries;
    } finally {
      close(fd);
    }
  }

  /** `limit` in bytes. */
  text(path: string, limit?: number): Text {
    const file = this.read(path, limit);
    return file.kind === "read" ? { kind: "text", text: file.bytes.toString("latin1") } : file;
  }

  read(path: string, limit?: number): ReturnType<typeof readSmall> {
    const file = readSmall(path, limit);
    if (file.kind === "bad" && file.reason === "EACCES") throw unreadable(path);
    if (file.kind === "read") {
      this.files++;
      this.bytes += file.bytes.length;
    }
    return file;
  }

  /** Where a symlink leads, as it is written; null for anything else. */
  target(path: string): string | null {
    try {
      return readlinkSync(path, "latin1");
    } catch {
      return null;
    }
  }
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function kindOf(dir: number, raw: ByteString): Entry["kind"] | null {
  const stat = statAt(dir, raw);
  if (typeof stat === "number") return null;
  const type = stat.mode & S_IFMT;
  return type === S_IFDIR ? "directory" : type === S_IFREG ? "file" : type === S_IFLNK ? "symlink" : "other";
}

function unreadable(path: string): OvlError {
  return osError("EACCES", `read ${path}; run fsck as the user who owns the root`, { path });
}
