import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { asOvlError, OvlError } from "../errors.js";
import { errnoOf } from "./files.js";

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

/**
 * Throws BAD_ROOT where a symlink stands in the place of a layer's directory, or of the driver's: it may lead out of the
 * root. What is missing is for others to say.
 * @param content `overlay2/<cache-id>/diff`, `overlay/<cache-id>/root`
 */
export function refuseSymlinks(content: string): void {
  for (const path of [dirname(dirname(content)), dirname(content), content]) {
    if (!isSymlink(path)) continue;
    const message = `${path} is a symbolic link, and none is followed out of a root; "ovl fsck" says what the root lacks`;
    throw new OvlError("BAD_ROOT", message, { path });
  }
}

function isSymlink(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOTDIR" || errnoOf(thrown) === "ELOOP") return false;
    throw asOvlError(thrown);
  }
}
