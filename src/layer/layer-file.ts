/** Files of a stored layer, opened by the names that its tar had for them. */
import { constants, fstatSync, readSync } from "node:fs";
import { OvlError, osError } from "../errors.js";
import { type ByteString, displayName } from "../model/bytes.js";
import { close } from "../sys/at.js";
import { EPERM, errnoName } from "../sys/errno.js";
import { cleanPath } from "../tar/clean.js";
import type { LayerFile } from "../tar-split/assemble.js";
import type { Jail } from "./jail.js";

const { O_NOATIME, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** Read before anything is known about the object: a FIFO in a file's place must not block, nor a link lead away. */
const CAREFULLY = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

/** One for all files of the thread: only one of them is open at a time. */
const buffer = Buffer.allocUnsafeSlow(256 * 1024);

/** Throws NOT_FOUND, PERMISSION, IO, and BAD_ROOT for what is no regular file. */
export function openLayerFile(jail: Jail, name: ByteString): LayerFile {
  const path = cleanPath(name).replace(/^\/+/, "") as ByteString;
  // The access time is evidence. Only the owner and root may ask for it to stay.
  let fd = jail.open(path, CAREFULLY | O_NOATIME);
  if (fd === -EPERM) fd = jail.open(path, CAREFULLY);
  if (fd < 0) throw unopened(name, fd);
  if (!fstatSync(fd).isFile()) {
    close(fd);
    throw noFile(name);
  }
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
