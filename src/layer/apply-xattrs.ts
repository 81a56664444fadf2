/** Extended attributes of entries, and which of the kernel's refusals dockerd goes on after. */
import { type ByteString, displayName } from "../model/bytes.js";
import { EACCES, EINVAL, EOPNOTSUPP, EPERM, errnoName } from "../sys/errno.js";
import { setXattr, setXattrAt } from "../sys/xattr.js";
import type { TarEntry } from "../tar/entry.js";
import type { ApplyTarget } from "./apply-target.js";

/** Of a file or directory that is open. */
export function setXattrs(target: ApplyTarget, entry: TarEntry, fd: number): void {
  setEach(target, entry, (name, value) => setXattr(fd, name, value));
}

/** Of an object that is not to be opened: a symlink, a device, a fifo. */
export function setXattrsAt(target: ApplyTarget, entry: TarEntry, dir: number, base: ByteString): void {
  setEach(target, entry, (name, value) => setXattrAt(dir, base, name, value));
}

function setEach(target: ApplyTarget, entry: TarEntry, set: (name: ByteString, value: Uint8Array) => number): void {
  for (const [name, value] of entry.xattrs) {
    const errno = name.includes("\0") ? EINVAL : -set(name, value);
    if (errno <= 0) continue;
    const what = `its extended attribute ${displayName(name)}`;
    if (!isIgnored(errno, target.privileged)) throw target.failure(errno, what);
    target.warnings.add("XATTR_IGNORED", entry.name, () => {
      return `entry "${displayName(entry.name)}": ${what} was left out: ${errnoName(errno)}`;
    });
  }
}

/** EACCES is an ordinary user's only: attributes of a hard link whose file was made read-only before. */
function isIgnored(errno: number, privileged: boolean): boolean {
  return errno === EOPNOTSUPP || errno === EPERM || (errno === EACCES && !privileged);
}
