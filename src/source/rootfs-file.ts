/** The tar of a root filesystem as `ovl import` is given it: a file or a pipe, compressed or not. */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { isatty } from "node:tty";
import { MAX_LAYER_BYTES } from "../blob/limit.js";
import { asOvlError, OvlError } from "../errors.js";
import { positionOf } from "./open-source.js";
import { type OwnedFile, seekable } from "./spool.js";

const STDIN = 0;

export interface RootfsFile extends OwnedFile {
  /** For messages. */
  readonly location: string;
}

/**
 * A regular file is used where it is, still compressed; a pipe is read to its end here.
 * @param path `-` for standard input
 * @param maxBytes that what comes through a pipe may unpack to
 * Throws USAGE for a terminal, NOT_FOUND, and what `seekable` throws.
 */
export async function openRootfs(path: string, maxBytes: number = MAX_LAYER_BYTES): Promise<RootfsFile> {
  const location = path === "-" ? "standard input" : path;
  if (path === "-" && isatty(STDIN)) {
    throw new OvlError("USAGE", "- reads a tar from standard input, which is a terminal; redirect a file into it");
  }
  const fd = path === "-" ? STDIN : openFile(path);
  const close = path === "-" ? () => {} : () => closeSync(fd);
  try {
    const stat = fstatSync(fd);
    if (stat.isDirectory()) {
      throw new OvlError("USAGE", `${path} is a directory; for its content: tar -C ${path} -c . | ovl import -`, {
        path,
      });
    }
    if (!stat.isFile()) return { ...(await seekable(fd, 0, location, maxBytes, close)), location };
    const offset = path === "-" ? positionOf(fd) : 0;
    return { range: { fd, offset, size: Math.max(0, stat.size - offset) }, location, [Symbol.dispose]: close };
  } catch (error) {
    throw asOvlError(error);
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (thrown) {
    const error = asOvlError(thrown);
    if (error.fields["errno"] !== "ENOENT") throw error;
    const url = /^https?:/.test(path) ? `; to import from the network: curl -fsSL ${path} | ovl import -` : "";
    throw new OvlError("NOT_FOUND", `no such file: ${path}${url}`, { path });
  }
}
