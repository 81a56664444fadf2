import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { asOvlError, errnoOf, OvlError } from "../errors.js";

/** Whether a path is a directory itself: not a symlink to one, and not below something that is none. */
export function isDirectory(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch (thrown) {
    // Node takes only ENOENT for "nothing there".
    if (errnoOf(thrown) === "ENOTDIR" || errnoOf(thrown) === "ELOOP") return false;
    throw asOvlError(thrown);
  }
}

/** What keeps a layer's directory from being had, as a predicate of its path; null where nothing does. */
export function obstacleToContent(content: string): string | null {
  const levels = levelsOf(content);
  if (levels.every(isDirectory)) return null;
  const link = levels.find(isSymlink);
  if (link === undefined) return "is missing";
  return link === content ? "is a symbolic link" : `lies behind ${link}, which is a symbolic link`;
}

/**
 * Throws BAD_ROOT where a symlink stands in the place of a layer's directory, or of the driver's: it may lead out of
 * the root. What is missing is for others to say.
 * @param content `overlay2/<cache-id>/diff`, `overlay/<cache-id>/root`
 */
export function refuseSymlinks(content: string): void {
  const path = levelsOf(content).find(isSymlink);
  if (path === undefined) return;
  const message = `${path} is a symbolic link, and none is followed out of a root; "ovl fsck" says what the root lacks`;
  throw new OvlError("BAD_ROOT", message, { path });
}

/** The driver's directory, the layer's and that of its files: `overlay2`, `<cache-id>`, `diff`. */
function levelsOf(content: string): readonly string[] {
  return [dirname(dirname(content)), dirname(content), content];
}

function isSymlink(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOTDIR" || errnoOf(thrown) === "ELOOP") return false;
    throw asOvlError(thrown);
  }
}
