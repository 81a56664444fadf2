/**
 * What a mount of layers would show, computed from their directories: nothing is mounted, nothing is written, and
 * no right is needed but that of reading the files.
 */
import { constants } from "node:fs";
import type { Ids } from "../driver/layer-ids.js";
import { OvlError } from "../errors.js";
import { type ByteString, byteStringOf } from "../model/bytes.js";
import { AT_FDCWD, close, O_PATH, openAt } from "../sys/at.js";
import { ENOENT, errnoName } from "../sys/errno.js";
import { rootDirectory, type UnionContext, type UnionDirectory } from "./directory.js";
import { type Entry, SELF, shownPath } from "./entry.js";
import { type Located, locate, type Symlinks } from "./locate.js";

export interface UnionOptions {
  /** `user.overlay.*` marks count: the layers were made without root's rights. */
  readonly userXattrs?: boolean;
  /** Ids that those of the layers' files are counted from, as inside of a container. */
  readonly ids?: Ids | null;
  /** Show a layer as it is, its whiteouts as entries. For one layer: in a union of several they still hide. */
  readonly showsWhiteouts?: boolean;
}

/** Where the view may differ from what a mount shows. */
export interface UnionWarning {
  readonly code: "REDIRECT" | "UNPRIVILEGED" | "MISSING_INIT" | "BAD_MOUNT" | "LEFT_OUT";
  readonly path: string;
  readonly message: string;
}

/** A directory renamed with `redirect_dir` is met again with every walk, and may stand for thousands. */
const MAX_WARNINGS = 20;

export class Union implements Disposable {
  /** Content directories of the layers, absolute, topmost first. */
  readonly dirs: readonly string[];
  readonly warnings: UnionWarning[] = [];
  readonly root: UnionDirectory;
  /** Asked about all that `locate` meets, and about where its path ends; throws where none may lead. */
  guard: ((path: ByteString) => void) | null = null;
  readonly #context: UnionContext;

  /**
   * @param dirs topmost first, at least one. Throws NOT_FOUND for none, BAD_ROOT where one is missing, PERMISSION, IO.
   */
  constructor(dirs: readonly string[], options: UnionOptions = {}) {
    if (dirs.length === 0) throw new OvlError("NOT_FOUND", "an image without layers has no file system");
    this.dirs = dirs;
    const roots: number[] = [];
    try {
      for (const dir of dirs) roots.push(openLayer(dir));
    } catch (thrown) {
      for (const fd of roots) close(fd);
      throw thrown;
    }
    const { userXattrs = false, showsWhiteouts = false, ids = null } = options;
    const onRedirect = (path: ByteString, dir: string) => this.#warn(path, dir);
    this.#context = { dirs, roots, userXattrs, showsWhiteouts, ids, onRedirect };
    this.root = rootDirectory(this.#context);
  }

  /** The root directory as an entry of itself: it is what it is in the topmost layer. */
  get rootEntry(): Entry {
    const entry = this.root.get(SELF);
    if (entry === null) throw new OvlError("INTERNAL", `${this.dirs[0]} is open and yet not there`);
    return entry;
  }

  /**
   * What a path leads to. The caller disposes it.
   * @param path from the root, with or without leading slash
   * @param symlinks `none`: a symlink on the way is an obstacle; `parents`: those on the way are followed inside the
   * union, as after chroot; `all`: the last component, too. Throws NOT_FOUND for symlinks in a circle.
   */
  locate(path: ByteString, symlinks: Symlinks): Located {
    return locate(this, path, symlinks);
  }

  [Symbol.dispose](): void {
    for (const fd of this.#context.roots) close(fd);
  }

  #warn(path: ByteString, dir: string): void {
    const shown = shownPath(path);
    if (this.warnings.length >= MAX_WARNINGS || this.warnings.some((warning) => warning.path === shown)) return;
    this.warnings.push({
      code: "REDIRECT",
      path: shown,
      message: `${shown} in ${dir} was renamed by a kernel with redirect_dir on, which overlay2 never uses: what lower layers have in it under its old name is left out`,
    });
  }
}

function openLayer(dir: string): number {
  const fd = openAt(AT_FDCWD, byteStringOf(dir), O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  if (fd >= 0) return fd;
  const errno = errnoName(-fd);
  if (fd !== -ENOENT && errno !== "ENOTDIR") {
    throw new OvlError(errno === "EACCES" ? "PERMISSION" : "IO", `cannot open ${dir}: ${errno}`, { path: dir, errno });
  }
  const found = errno === "ENOTDIR" ? "is no directory" : "is missing";
  throw new OvlError("BAD_ROOT", `${dir}, the content of a layer, ${found}; ovl fsck says what the root lacks`, {
    path: dir,
  });
}
