/** Sharing the content of files on filesystems that can (btrfs, xfs, bcachefs): ioctl_ficlone(2). */
import { answer, libc } from "./libc.js";

const FICLONE = 0x40049409;

/** Makes a file, open for writing and empty, share the content of another. 0 or `-errno`: EOPNOTSUPP, EXDEV, EINVAL. */
export function cloneFile(from: number, to: number): number {
  return answer(libc().ioctl(to, FICLONE, from));
}
