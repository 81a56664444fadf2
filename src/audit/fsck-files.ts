/**
 * Directories and small files of a root read without trust and without a trace: no symlink is followed, no FIFO
 * opened for its content, no time of access changed where the kernel lets us ask for that.
 */
import { constants } from "node:fs";
import { readSmallAt, type SmallFile } from "../driver/files.js";
import { type OvlError, osError } from "../errors.js";
import { type ByteString, byteStringOf } from "../model/bytes.js";
import { AT_FDCWD, close, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../sys/at.js";
import { EACCES, ENOENT, errnoName } from "../sys/errno.js";
import { openQuietlyAt, readLinkAt, typedNamesOf } from "../sys/read-names.js";
import { statAt } from "../sys/stat.js";
import { type Kind, type Listing, Listings } from "./listing.js";

/** What a small file says. `text` has a char a byte. */
export type Text =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "absent" }
  | { readonly kind: "bad"; readonly reason: string };

export interface Contents<N extends readonly string[]> {
  readonly entries: Listing;
  /** In the order of the names. */
  readonly texts: { readonly [I in keyof N]: Text };
}

const ABSENT: Text = { kind: "absent" };

export class FsckFiles {
  files = 0;
  bytes = 0;
  readonly #listings = new Listings();

  /**
   * What is in a directory; null where nothing is there, the reason where it is no directory. Throws PERMISSION:
   * an answer made without having looked would be wrong.
   */
  list(path: string): Listing | null | string {
    return this.#open(path, (fd) => this.#entries(fd, path));
  }

  /**
   * The same, with what the files of these names say; those are opened in the open directory, not each by its path.
   * A root has twenty thousand directories with four files each.
   */
  listWithTexts<const N extends readonly string[]>(path: string, names: N): Contents<N> | null | string {
    return this.#open(path, (fd) => {
      const entries = this.#entries(fd, path);
      if (typeof entries === "string") return entries;
      const texts = names.map((name) =>
        entries.has(name) ? asText(this.#read(fd, byteStringOf(name), `${path}/${name}`)) : ABSENT,
      );
      return { entries, texts: texts as Contents<N>["texts"] };
    });
  }

  #open<T>(path: string, use: (fd: number) => T): T | null | string {
    const fd = openQuietlyAt(AT_FDCWD, byteStringOf(path), constants.O_RDONLY | constants.O_DIRECTORY);
    if (fd === -ENOENT) return null;
    if (fd === -EACCES) throw unreadable(path);
    if (fd < 0) return "is not a directory";
    try {
      return use(fd);
    } finally {
      close(fd);
    }
  }

  #entries(fd: number, path: string): Listing | string {
    const names = typedNamesOf(fd);
    if (typeof names === "number") return `cannot be read: ${errnoName(-names)}`;
    const known = names.flatMap(([raw, type]): [ByteString, Kind][] => {
      const kind = type === "unknown" ? kindOf(fd, raw) : type;
      // Gone since: on a live root things are.
      return kind === null ? [] : [[raw, kind]];
    });
    return this.#listings.of(path, known);
  }

  /** `limit` in bytes. */
  text(path: string, limit?: number): Text {
    return asText(this.read(path, limit));
  }

  read(path: string, limit?: number): SmallFile {
    return this.#read(AT_FDCWD, byteStringOf(path), path, limit);
  }

  #read(dir: number, name: ByteString, path: string, limit?: number): SmallFile {
    const file = readSmallAt(dir, name, limit);
    if (file.kind === "bad" && file.reason === "EACCES") throw unreadable(path);
    if (file.kind === "read") {
      this.files++;
      this.bytes += file.bytes.length;
    }
    return file;
  }

  /** The symlinks in a directory, by where they lead as it is written; null for anything else. */
  targets(path: string): Map<string, string | null> | null | string {
    return this.#open(path, (fd) => {
      const entries = this.#entries(fd, path);
      if (typeof entries === "string") return entries;
      const targets = new Map<string, string | null>();
      for (const { name, path: at } of entries.values()) {
        const target = at === null ? null : readLinkAt(fd, byteStringOf(name));
        targets.set(name, typeof target === "string" ? target : null);
      }
      return targets;
    });
  }
}

function asText(file: SmallFile): Text {
  return file.kind === "read" ? { kind: "text", text: file.bytes.toString("latin1") } : file;
}

function kindOf(dir: number, raw: ByteString): Kind | null {
  const stat = statAt(dir, raw);
  if (typeof stat === "number") return null;
  const type = stat.mode & S_IFMT;
  return type === S_IFDIR ? "directory" : type === S_IFREG ? "file" : type === S_IFLNK ? "symlink" : "other";
}

function unreadable(path: string): OvlError {
  return osError("EACCES", `read ${path}; run fsck as the user who owns the root`, { path });
}
