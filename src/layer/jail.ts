/**
 * A directory that no path leads out of. Paths are walked by the kernel with the directory as their `/`, as after
 * chroot: `..` stops there, absolute symlinks start there. It needs no privileges and changes nothing for other
 * threads. What is made, changed and removed is then named by one component in an open directory.
 */
import { constants } from "node:fs";
import { OvlError } from "../errors.js";
import { type ByteString, byteStringOf } from "../model/bytes.js";
import { AT_FDCWD, close, O_PATH, openAt, openAt2, RESOLVE_BENEATH, RESOLVE_IN_ROOT } from "../sys/at.js";
import { ENOSYS, EXDEV, must } from "../sys/errno.js";

/**
 * Directories held open, the latest used. Entries of an archive come directory by directory, and hard links lead
 * to a few more.
 */
const HELD = 16;

export class Jail implements Disposable {
  /** The directory itself, open by O_PATH. */
  readonly root: number;
  /** In the order of their last use. */
  readonly #held = new Map<ByteString, number>();
  #latest: ByteString | null = null;
  #latestFd = -1;
  readonly #onEscape: (path: ByteString) => void;

  /**
   * @param onEscape told of each path that a plain walk would have left the directory by, through an absolute
   * symlink or one that climbs too far; it is contained all the same, unless this throws
   */
  constructor(dir: string, onEscape: (path: ByteString) => void = () => {}) {
    this.root = must(openAt(AT_FDCWD, byteStringOf(dir), O_PATH | constants.O_DIRECTORY), `open ${dir}`, { path: dir });
    this.#onEscape = onEscape;
    if (openAndClose(this.root) !== -ENOSYS) return;
    close(this.root);
    throw new OvlError(
      "IO",
      "this kernel has no openat2 (Linux 5.6 or later), without which a layer cannot be kept inside its directory",
      { errno: "ENOSYS" },
    );
  }

  /**
   * An fd of a directory, symlinks followed, or `-errno`. The fd is the jail's, and good until `forget` or until
   * several other directories were asked for.
   * @param path cleaned, without leading slash; empty for the root
   */
  directory(path: ByteString): number {
    if (path === "") return this.root;
    if (path === this.#latest) return this.#latestFd;
    const fd = this.#held.get(path) ?? this.open(path, O_PATH | constants.O_DIRECTORY);
    if (fd >= 0) this.hold(path, fd);
    return fd;
  }

  /** An fd of the caller's, or `-errno`. O_NOFOLLOW in the flags holds for the last component only. */
  open(path: ByteString, flags: number): number {
    const fd = openAt2(this.root, path, flags, RESOLVE_BENEATH);
    if (fd !== -EXDEV) return fd;
    this.#onEscape(path);
    return openAt2(this.root, path, flags, RESOLVE_IN_ROOT);
  }

  /** Takes over an fd that was opened on this very directory, instead of opening it again. */
  hold(path: ByteString, fd: number): void {
    const before = this.#held.get(path);
    if (before !== undefined && before !== fd) close(before);
    this.#held.delete(path);
    this.#held.set(path, fd);
    this.#latest = path;
    this.#latestFd = fd;
    if (this.#held.size > HELD) this.#dropOldest();
  }

  /** To be called when anything was removed: paths may lead elsewhere now. Only additions leave them as they are. */
  forget(): void {
    for (const fd of this.#held.values()) close(fd);
    this.#held.clear();
    this.#latest = null;
  }

  [Symbol.dispose](): void {
    this.forget();
    close(this.root);
  }

  #dropOldest(): void {
    for (const [path, fd] of this.#held) {
      close(fd);
      this.#held.delete(path);
      return;
    }
  }
}

/** The directory part of a cleaned path without leading slash: empty for the root. */
export function parentOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(0, path.lastIndexOf("/"))) as ByteString;
}

function openAndClose(root: number): number {
  const fd = openAt2(root, "." as ByteString, O_PATH, RESOLVE_IN_ROOT);
  return fd < 0 ? fd : close(fd);
}
