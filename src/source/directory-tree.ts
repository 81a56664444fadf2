/** Files below a directory on disk that somebody else wrote. */
import { closeSync, constants, fstatSync, openSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { FileRange } from "../blob/byte-source.js";
import { asOvlError, OvlError } from "../errors.js";
import { type FileTree, show } from "./file-tree.js";

/**
 * open(2): a handle on a name that opens nothing, so that devices and FIFOs notice nothing. The same on every Linux.
 */
const O_PATH = 0o10000000;

/** Throws the system's error where path is no directory that can be searched. */
export function directoryTree(path: string, location: string): FileTree {
  const root = realpath(path);
  const open = new Map<string, FileRange>();
  return {
    location,
    find(name) {
      const known = open.get(name);
      if (known !== undefined) return known;
      const range = openBelow(root, name, location);
      if (range !== null) open.set(name, range);
      return range;
    },
    [Symbol.dispose]() {
      for (const { fd } of open.values()) closeSync(fd);
      open.clear();
    },
  };
}

function realpath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw asOvlError(error);
  }
}

/** Symlinks are followed, and what they led to is then looked at: it must be a regular file inside the directory. */
function openBelow(root: string, name: string, location: string): FileRange | null {
  const handle = openHandle(join(root, name));
  if (handle === null) return null;
  try {
    const link = `/proc/self/fd/${handle}`;
    if (!readlinkSync(link).startsWith(root === "/" ? "/" : `${root}/`)) {
      throw new OvlError("PATH_ESCAPE", `${location}: ${show(name)} leads out of the directory`, { path: name });
    }
    if (!fstatSync(handle).isFile()) {
      throw new OvlError("BAD_ARCHIVE", `${location}: ${show(name)} is not a regular file`, { path: name });
    }
    const fd = openSync(link, constants.O_RDONLY);
    return { fd, offset: 0, size: fstatSync(fd).size };
  } catch (error) {
    throw asOvlError(error);
  } finally {
    closeSync(handle);
  }
}

function openHandle(path: string): number | null {
  try {
    return openSync(path, O_PATH);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw asOvlError(error);
  }
}
