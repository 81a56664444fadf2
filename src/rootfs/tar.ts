/**
 * A union as one tar: the entries that `docker export` gives for the same tree, in the same order. That is: paths
 * without `./`, no entry for the root, modes with their type bits, times in whole seconds, of extended attributes
 * only file capabilities, later names of one inode as hard links to the first, and no sockets.
 */
import type { ByteString } from "../model/bytes.js";
import { END_OF_ARCHIVE, encodeHeader, padding } from "../tar/writer.js";
import { archived, exactly } from "./archived.js";
import { HardLinks } from "./hard-links.js";
import type { Union } from "./union.js";
import { type Visit, walk } from "./walk.js";

/**
 * The bytes, in pieces that are valid until the next. Throws what reading throws; IO where a file shrinks meanwhile.
 */
export function* tarOf(union: Union): Generator<Uint8Array, void, undefined> {
  const links = new HardLinks();
  for (const visit of walk(union.root)) yield* entryBytes(visit, links);
  yield END_OF_ARCHIVE;
}

function* entryBytes(visit: Visit, links: HardLinks): Generator<Uint8Array> {
  const { path, entry, directory } = visit;
  const object = archived(visit, path, links);
  if (object === null) return;
  yield encodeHeader(object.type === "directory" ? { ...object, name: `${path}/` as ByteString } : object);
  if (object.size === 0) return;
  using content = directory.open(entry);
  yield* exactly(content, object.size, path);
  yield padding(object.size);
}
