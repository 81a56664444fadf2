/** One damaged file of a layer replaced by a good one from beside it, with all of its names. */
import { join } from "node:path";
import { entryPath } from "../layer/apply-path.js";
import { Jail } from "../layer/jail.js";
import { type ByteString, bytesOf, displayName } from "../model/bytes.js";
import { renameAt, S_IFMT } from "../sys/at.js";
import { ENOENT, must } from "../sys/errno.js";
import { isDirectory, statAt } from "../sys/stat.js";
import { procLink } from "../sys/xattr.js";

/**
 * @param dir the layer's content directory, @param from one with the same layer, on the same filesystem
 * @param names all that the file has: hard links stay together, since all of them are replaced
 * @param setAside gets something of another type that is in the way: its path for display, and its directory and name
 * @returns false where the directory that it belongs in is missing
 */
export function replaceEntry(
  dir: string,
  from: string,
  names: readonly ByteString[],
  setAside: (path: string, directory: string, name: Buffer) => void,
): boolean {
  using target = new Jail(dir);
  using source = new Jail(from);
  let replaced = false;
  for (const one of names) {
    const { parent, base } = entryPath(one);
    const to = target.directory(parent);
    const at = source.directory(parent);
    if (to < 0 || at < 0) continue;
    const good = statAt(at, base);
    // Moved before: another fault of the same file.
    if (typeof good === "number") {
      replaced ||= good === -ENOENT;
      continue;
    }
    const there = statAt(to, base);
    if (typeof there !== "number") {
      if (isDirectory(there) && isDirectory(good)) return true;
      if ((there.mode & S_IFMT) !== (good.mode & S_IFMT))
        setAside(join(dir, displayName(one)), procLink(to), bytesOf(base));
    }
    must(renameAt(at, base, to, base), `restore ${dir}/${displayName(one)}`);
    replaced = true;
  }
  return replaced;
}
