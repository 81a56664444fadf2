/** `tar-split.json.gz` of a stored layer, opened without trusting what is there. */
import type { ByteSource } from "../blob/byte-source.js";
import { fileSource } from "../blob/file-source.js";
import { OvlError, osError } from "../errors.js";
import { byteStringOf } from "../model/bytes.js";
import { AT_FDCWD, close } from "../sys/at.js";
import { errnoName } from "../sys/errno.js";
import { openFileAt } from "../sys/open-file.js";

/** Its bytes; closed when disposed. Throws BAD_ROOT for what is missing or no regular file. */
export function openSplit(path: string): ByteSource & Disposable {
  const file = openFileAt(AT_FDCWD, byteStringOf(path));
  if (file === "special") throw new OvlError("BAD_ROOT", `${path} is no regular file`, { path });
  if (typeof file === "number") throw unopened(path, errnoName(-file));
  return { ...fileSource({ ...file, offset: 0 }), [Symbol.dispose]: () => void close(file.fd) };
}

function unopened(path: string, errno: string): OvlError {
  if (errno !== "ENOENT" && errno !== "ELOOP") return osError(errno, `open ${path}`, { path });
  return new OvlError("BAD_ROOT", `${path} is ${errno === "ENOENT" ? "missing" : "a symlink"}`, { path, errno });
}
