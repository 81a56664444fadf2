/**
 * Directories and small files of a root read without trust and without a trace: no symlink is followed, no FIFO
 * opened for its content, no time of access changed where the kernel lets us ask for that.
 */
import { constants, readlinkSync } from "node:fs";
import { join } from "node:path";
import { readSmall } from "../driver/files.js";
import { type OvlError, osError } from "../errors.js";
import { type ByteString, byteStringOf, displayName, utf8Of } from "../model/bytes.js";
import { AT_FDCWD, close, openAt, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../sys/at.js";
import { EACCES, ENOENT, errnoName } from "../sys/errno.js";
import { namesAt } from "../sys/read-names.js";
import { statAt } from "../sys/stat.js";

export interface Entry {
  /** Fit for display; `path` is null where it is not what the disk has. */
  readonly name: string;
  readonly path: string | null;
  readonly kind: "directory" | "file" | "symlink" | "other";
  readonly size: number;
}

export type Listing = ReadonlyMap<string, Entry>;

/** What a small file says. `text` has a char a byte. */
export type Text =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "absent" }
  | { readonly kind: "bad"; readonly reason: string };

const O_PATH_DIRECTORY = 0o10000000 | constants.O_DIRECTORY | constants.O_NOFOLLOW;

export class FsckFiles {
  files = 0;
  bytes = 0;

  /**
   * What is in a directory; null where nothing is there, the reason where it is no directory. Throws PERMISSION:
   * an answer made without having looked would be wrong.
   */
  list(path: string): Listing | null | string {
    const fd = openAt(AT_FDCWD, byteStringOf(path), O_PATH_DIRECTORY);
    if (fd === -ENOENT) return null;
    if (fd === -EACCES) throw unreadable(path);
    if (fd < 0) return "is not a directory";
    try {
      const names = namesAt(fd);
      if (names === -EACCES) throw unreadable(path);
      if (typeof names === "number") return `cannot be read: ${errnoName(-names)}`;
      const entries = new Map<string, Entry>();
      for (const raw of names.sort()) {
        const entry = entryOf(fd, raw, path);
        if (entry !== null) entries.set(entry.name, entry);
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

function entryOf(dir: number, raw: ByteString, path: string): Entry | null {
  const stat = statAt(dir, raw);
  // Gone since: on a live root things are.
  if (typeof stat === "number") return null;
  const utf8 = utf8Of(raw);
  const name = utf8 ?? displayName(raw);
  const type = stat.mode & S_IFMT;
  const kind =
    type === S_IFDIR ? "directory" : type === S_IFREG ? "file" : type === S_IFLNK ? "symlink" : ("other" as const);
  return { name, path: utf8 === null ? null : join(path, utf8), kind, size: stat.size };
}

function unreadable(path: string): OvlError {
  return osError("EACCES", `read ${path}; run fsck as the user who owns the root`, { path });
}
