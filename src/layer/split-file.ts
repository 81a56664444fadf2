/** `tar-split.json.gz` of a stored layer, opened without trusting what is there. */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import type { ByteSource } from "../blob/byte-source.js";
import { fileSource } from "../blob/file-source.js";
import { asOvlError, OvlError } from "../errors.js";

/** Its bytes; closed when disposed. Throws BAD_ROOT for what is missing or no regular file. */
export function openSplit(path: string): ByteSource & Disposable {
  const fd = openCarefully(path);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new OvlError("BAD_ROOT", `${path} is no regular file`, { path });
    return { ...fileSource({ fd, offset: 0, size: stat.size }), [Symbol.dispose]: () => closeSync(fd) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function openCarefully(path: string): number {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    // The access time is evidence. Only the owner and root may ask for it to stay.
    return openSync(path, flags | constants.O_NOATIME);
  } catch (thrown) {
    if (thrown instanceof Error && (thrown as NodeJS.ErrnoException).code === "EPERM") return openSync(path, flags);
    const error = asOvlError(thrown);
    const { errno } = error.fields;
    if (errno !== "ENOENT" && errno !== "ELOOP") throw error;
    throw new OvlError("BAD_ROOT", `${path} is ${errno === "ENOENT" ? "missing" : "a symlink"}`, { path, errno });
  }
}
