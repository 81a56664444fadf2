/** Files of a stored layer, opened by the names that its tar had for them. */
import { readSync } from "node:fs";
import { OvlError, osError } from "../errors.js";
import { type ByteString, displayName } from "../model/bytes.js";
import { close } from "../sys/at.js";
import { errnoName } from "../sys/errno.js";
import { openFileAt } from "../sys/open-file.js";
import { baseName, cleanPath } from "../tar/clean.js";
import type { LayerFile } from "../tar-split/assemble.js";
import { type Jail, parentOf } from "./jail.js";

/** One for all files of the thread: only one of them is open at a time. */
const buffer = Buffer.allocUnsafeSlow(256 * 1024);

/** Throws NOT_FOUND, PERMISSION, IO, and BAD_ROOT for what is no regular file. */
export function openLayerFile(jail: Jail, name: ByteString): LayerFile {
  const path = cleanPath(name).replace(/^\/+/, "") as ByteString;
  const parent = jail.directory(parentOf(path));
  const file = parent < 0 ? parent : openFileAt(parent, baseName(path));
  if (file === "special") throw noFile(name);
  if (typeof file === "number") throw unopened(name, file);
  const { fd } = file;
  return {
    read() {
      const length = readSync(fd, buffer);
      return length === 0 ? null : buffer.subarray(0, length);
    },
    [Symbol.dispose]: () => void close(fd),
  };
}

function noFile(name: ByteString): OvlError {
  const path = displayName(name);
  return new OvlError("BAD_ROOT", `"${path}" is no regular file any more`, { path, actual: "no regular file" });
}

function unopened(name: ByteString, negativeErrno: number): OvlError {
  const errno = errnoName(-negativeErrno);
  const path = displayName(name);
  // A symlink in its place, or anything but a directory in that of one above it.
  if (errno === "ELOOP" || errno === "ENOTDIR") return noFile(name);
  if (errno === "ENOENT") {
    return new OvlError("NOT_FOUND", `"${path}" is missing below the layer's directory`, { path, errno });
  }
  return osError(errno, `open "${path}" of the layer`, { path });
}
