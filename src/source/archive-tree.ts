/**
 * A tar read by position: its headers are walked once, over the payloads, and every member is then a range of
 * the one open file.
 */
import type { FileRange } from "../blob/byte-source.js";
import { asOvlError, OvlError } from "../errors.js";
import { displayName } from "../model/bytes.js";
import type { TarEntry } from "../tar/entry.js";
import type { TarSource } from "../tar/input.js";
import { TarReader } from "../tar/reader.js";
import { type FileTree, readFully, show } from "./file-tree.js";
import { type Member, MemberTree } from "./member-tree.js";

/**
 * Members an archive may have. `docker save` writes four a layer, so this is room for some hundreds of images of
 * the deepest kind; at about 200 bytes each they stay below 60 MB.
 */
const MAX_MEMBERS = 262_144;

export interface ArchiveTree extends FileTree {
  /** Names of the directories at the top, sorted by bytes. */
  directories(): string[];
  has(path: string): boolean;
}

/**
 * @param range of the whole archive in a regular file
 * @param close called once when the tree is disposed
 * Throws BAD_ARCHIVE for what is no tar, is cut short, or could not be unpacked.
 */
export function archiveTree(range: FileRange, location: string, close: () => void): ArchiveTree {
  const members = indexMembers(range, location);
  const file = (path: string): FileRange | null => {
    const member = members.find(path);
    switch (member?.kind) {
      case undefined:
      case "symlink":
        return null;
      case "file":
        return { fd: range.fd, offset: member.offset, size: member.size };
      case "directory":
        throw new OvlError("BAD_ARCHIVE", `${location}: ${show(path)} is a directory, not a file`, { path });
      case "other":
        throw new OvlError("BAD_ARCHIVE", `${location}: ${show(path)} is ${member.what}, not a regular file`, { path });
    }
  };
  return {
    location,
    find: file,
    has: (path) => members.find(path) !== null,
    directories: () =>
      [...members.root.children]
        .filter(([, member]) => member.kind === "directory")
        .map(([name]) => name)
        .sort()
        .map((name) => Buffer.from(name, "latin1").toString("utf8")),
    [Symbol.dispose]: close,
  };
}

function indexMembers(range: FileRange, location: string): MemberTree {
  const tree = new MemberTree(location);
  const headers = new Headers(range);
  try {
    const tar = new TarReader(headers);
    let count = 0;
    for (let entry = tar.next(); entry !== null; entry = tar.next()) {
      if (++count > MAX_MEMBERS) throw new OvlError("BAD_ARCHIVE", `it has more than ${MAX_MEMBERS} members`);
      const offset = headers.position;
      if (entry.type === "hardlink") tree.link(entry.name, entry.linkName);
      else if (entry.type !== "global") tree.place(entry.name, memberOf(entry, offset));
    }
  } catch (error) {
    const cause = asOvlError(error);
    if (cause.code !== "BAD_TAR" && cause.code !== "BAD_ARCHIVE") throw cause;
    const message = cause.message.startsWith(location) ? cause.message : `${location}: ${cause.message}`;
    throw new OvlError("BAD_ARCHIVE", message, cause.fields, { cause });
  }
  return tree;
}

function memberOf(entry: TarEntry, offset: number): Member {
  switch (entry.type) {
    case "file":
      if (entry.sparse) return { kind: "other", what: "a sparse file" };
      return { kind: "file", offset, size: entry.size };
    case "symlink":
      return { kind: "symlink", target: entry.linkName };
    case "directory":
      return { kind: "directory", children: new Map() };
    case "char":
    case "block":
      return { kind: "other", what: "a device" };
    case "fifo":
      return { kind: "other", what: "a FIFO" };
    case "hardlink":
    case "global":
    case "unknown":
      throw new OvlError(
        "BAD_ARCHIVE",
        `member "${displayName(entry.name)}" has the unknown type ${entry.typeFlag}; dockerd refuses it too`,
      );
  }
}

const BLOCK = 512;
/** Bytes read at once: several headers where members are small. */
const WINDOW = 8 * 1024;
/**
 * Feeds a tar reader the headers of a file, and lets it pass over payload: walking an archive of gigabytes costs a
 * read a member. Headers come block by block, so `position` is where the payload of the entry just returned begins.
 */
class Headers implements TarSource {
  readonly #fd: number;
  readonly #start: number;
  readonly #end: number;
  readonly #window = Buffer.alloc(WINDOW);
  #windowAt = 0;
  #windowLength = 0;
  position: number;

  constructor({ fd, offset, size }: FileRange) {
    this.#fd = fd;
    this.#start = offset;
    this.position = offset;
    this.#end = offset + size;
  }

  skip(max: number): number {
    const bytes = Math.max(0, Math.min(max, this.#end - this.position));
    this.position += bytes;
    return bytes;
  }

  read(): Uint8Array | null {
    const left = this.#end - this.position;
    if (left <= 0) return null;
    // Behind a payload only its padding, so that the next chunk starts with a header.
    const intoBlock = (this.position - this.#start) % BLOCK;
    return this.#block(Math.min(left, BLOCK - intoBlock));
  }

  #block(length: number): Uint8Array | null {
    if (this.position < this.#windowAt || this.position + length > this.#windowAt + this.#windowLength) {
      this.#windowAt = this.position;
      this.#windowLength = readFully(this.#fd, this.#window, this.position);
    }
    const start = this.position - this.#windowAt;
    const block = this.#window.subarray(start, Math.min(start + length, this.#windowLength));
    this.position += block.length;
    return block.length === 0 ? null : block;
  }
}
