/**
 * A union as one tar: the entries that `docker export` gives for the same tree, in the same order. That is: paths
 * without `./`, no entry for the root, modes with their type bits, times in whole seconds, of extended attributes
 * only file capabilities, later names of one inode as hard links to the first, and no sockets.
 */
import type { ByteSource } from "../blob/byte-source.js";
import { OvlError } from "../errors.js";
import { type ByteString, byteStringOf } from "../model/bytes.js";
import { getXattrAt } from "../sys/xattr.js";

import { END_OF_ARCHIVE, encodeHeader, padding, type WritableType } from "../tar/writer.js";
import { type EntryType, shownPath } from "./entry.js";
import { HardLinks } from "./hard-links.js";
import type { Union } from "./union.js";
import { type Visit, walk } from "./walk.js";

/** The bytes, in pieces that are valid until the next. Throws what reading throws; IO where a file shrinks meanwhile. */
export function* tarOf(union: Union): Generator<Uint8Array, void, undefined> {
  const links = new HardLinks();
  for (const visit of walk(union.root)) {
    const type = TYPES[visit.entry.type];
    if (type !== null) yield* entryBytes(visit, type, links);
  }
  yield END_OF_ARCHIVE;
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

function* entryBytes(visit: Visit, type: WritableType, links: HardLinks): Generator<Uint8Array> {
  const { path, entry, directory } = visit;
  const { stat } = entry;
  const first = links.firstOf(entry, path);
  const size = type === "file" && first === null ? stat.size : 0;
  const capability = capabilityOf(visit);
  yield encodeHeader({
    name: (type === "directory" ? `${path}/` : path) as ByteString,
    type: first === null ? type : "hardlink",
    linkName: first ?? (type === "symlink" ? directory.readLink(entry) : ("" as ByteString)),
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    size,
    mtime: { sec: stat.mtime.sec, nsec: 0 },
    devMajor: stat.rdevMajor,
    devMinor: stat.rdevMinor,
    ...(capability === null ? {} : { xattrs: new Map([[CAPABILITY, capability]]) }),
  });
  if (size === 0) return;
  using content = directory.open(entry);
  yield* exactly(content, size, path);
  yield padding(size);
}

/** As many bytes as the header says: a file may grow or shrink while it is read. */
function* exactly(content: ByteSource, size: number, path: ByteString): Generator<Uint8Array> {
  for (let rest = size; rest > 0; ) {
    const bytes = content.read();
    if (bytes === null) {
      throw new OvlError(
        "IO",
        `${shownPath(path)} became ${rest} bytes shorter while it was read; stop what writes to it`,
        {
          path: shownPath(path),
        },
      );
    }
    const wanted = bytes.length > rest ? bytes.subarray(0, rest) : bytes;
    rest -= wanted.length;
    yield wanted;
  }
}

const CAPABILITY = byteStringOf("security.capability");
/** struct vfs_ns_cap_data, little-endian: the version in the topmost byte of the first word; version 2 has 20 bytes. */
const VERSION_AT = 3;
const VERSION_2_BYTES = 20;

/** Version 3 names the user namespace's root, which means nothing in another place: docker makes it version 2. */
function capabilityOf({ directory, entry }: Visit): Uint8Array | null {
  if (entry.type === "symlink") return null;
  const value = getXattrAt(directory.fdOf(entry), entry.name, CAPABILITY);
  if (value === null || typeof value === "number") return null;
  if (value[VERSION_AT] !== 3) return value;
  const version2 = value.slice(0, VERSION_2_BYTES);
  version2[VERSION_AT] = 2;
  return version2;
}
