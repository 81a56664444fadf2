/**
 * Objects of a union as docker's archives have them, for `export` and `cp`: times in whole seconds, of extended
 * attributes only file capabilities, later names of one inode as hard links to the first, and no sockets.
 */
import type { ByteSource } from "../blob/byte-source.js";
import { OvlError } from "../errors.js";
import { type ByteString, displayName } from "../model/bytes.js";
import { CAPABILITY, portableCapabilityAt } from "../sys/capability.js";
import type { NewEntry, WritableType } from "../tar/writer.js";
import type { EntryType } from "./entry.js";
import type { HardLinks } from "./hard-links.js";
import type { Visit } from "./walk.js";

/** @param name that it gets in the archive; null for what no archive can say */
export function archived({ entry, directory }: Visit, name: ByteString, links: HardLinks): Required<NewEntry> | null {
  const { stat } = entry;
  const type = TYPES[entry.type];
  if (type === null) return null;
  const first = links.firstOf(entry, name);
  const capability = type === "symlink" ? null : portableCapabilityAt(directory.fdOf(entry), entry.name);
  return {
    name,
    type: first === null ? type : "hardlink",
    linkName: first ?? (type === "symlink" ? directory.readLink(entry) : ("" as ByteString)),
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    size: type === "file" && first === null ? stat.size : 0,
    mtime: { sec: stat.mtime.sec, nsec: 0 },
    atime: null,
    devMajor: stat.rdevMajor,
    devMinor: stat.rdevMinor,
    xattrs: new Map(capability === null ? [] : [[CAPABILITY, capability]]),
  };
}

const TYPES: Readonly<Record<EntryType, WritableType | null>> = {
  file: "file",
  directory: "directory",
  symlink: "symlink",
  char: "char",
  block: "block",
  fifo: "fifo",
  // No tar can say what a socket is, and no union has a whiteout.
  socket: null,
  whiteout: null,
};

/**
 * As many bytes as the header says, in pieces that are valid until the next: a file may grow or shrink while it is
 * read. Throws what reading throws, and IO where the file ends early.
 */
export function* exactly(content: ByteSource, size: number, name: ByteString): Generator<Uint8Array, void, undefined> {
  for (let rest = size; rest > 0; ) {
    const bytes = content.read();
    if (bytes === null) {
      const path = displayName(name);
      const message = `${path} became ${rest} bytes shorter while it was read; stop what writes to it`;
      throw new OvlError("IO", message, { path });
    }
    const wanted = bytes.length > rest ? bytes.subarray(0, rest) : bytes;
    rest -= wanted.length;
    yield wanted;
  }
}
