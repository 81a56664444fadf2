/**
 * A layer tar applied to a directory, entry by entry, with the very result that dockerd 20.10 has with its overlay2
 * driver. dockerd extracts after chroot into the directory; here a jail stands for the chroot.
 */
import { constants } from "node:fs";
import type { ByteSource } from "../blob/byte-source.js";
import type { ByteString } from "../model/bytes.js";
import { close, O_PATH } from "../sys/at.js";
import { changeTimes, changeTimesOfPathFd } from "../sys/attributes.js";
import { EBUSY, ENAMETOOLONG, ENOTDIR } from "../sys/errno.js";
import { canMakeLayers } from "../sys/privilege.js";
import { cleanPath } from "../tar/clean.js";
import { MAX_ENTRIES, type TarEntry } from "../tar/entry.js";
import { makeObject } from "./apply-object.js";
import { entryPath, insideLayer, isTooLong, leadsOut } from "./apply-path.js";
import { sizeOfTree } from "./apply-size.js";
import { ApplyTarget } from "./apply-target.js";
import { finalTimesOf, type Times } from "./apply-times.js";
import type { LayerWarning } from "./job.js";
import { applyWhiteout, isWhiteout } from "./whiteouts.js";

export interface ApplyOptions {
  /** Refuse with PATH_ESCAPE what dockerd only contains. */
  readonly strict?: boolean;
  /** Give owners and make devices, as only root can; by default whether the process has the rights for all of it. */
  readonly privileged?: boolean;
  /** Entries, and directories that their names only imply, that a layer may have together; MAX_ENTRIES by default. */
  readonly maxEntries?: number;
  /** Called at each directory while a layer is ended, which may take long; what it throws ends the work. */
  readonly onStep?: () => void;
}

export interface ApplySummary {
  /** Bytes, as docker's `size` file counts them. */
  readonly size: number;
  /** Entries that made or changed something. */
  readonly files: number;
  readonly warnings: readonly LayerWarning[];
  /** Something was replaced or kept inside: what the headers say is not all that can be said of the layer. */
  readonly disturbed: boolean;
}

interface DirectoryTimes extends Times {
  readonly name: ByteString;
  readonly path: ByteString;
}

export class LayerApplier implements Disposable {
  readonly #target: ApplyTarget;
  /** Directories get their times when nothing more is put into them. */
  readonly #directories: DirectoryTimes[] = [];
  #files = 0;

  /** @param dir the layer's own directory, empty */
  constructor(dir: string, options: ApplyOptions = {}) {
    const { strict = false, privileged = canMakeLayers(), maxEntries = MAX_ENTRIES, onStep = () => {} } = options;
    this.#target = new ApplyTarget(dir, { strict, privileged, maxEntries, onStep });
  }

  /**
   * Throws BAD_TAR and PATH_ESCAPE for what dockerd would not apply, and what the system refuses.
   * @param payload of a regular file, read to its end; of other entries it is not read
   */
  apply(entry: TarEntry, payload: ByteSource): void {
    const target = this.#target;
    target.begin(entry.name);
    const name = cleanPath(entry.name);
    // The root is what the driver made it: moby passes over `./`, though not over `/`.
    if (entry.type === "global" || name === ".") return;
    const path = insideLayer(name);
    if (leadsOut(entry.name)) target.contained("has a name that, taken literally, leads out of the layer");
    if (isTooLong(path)) throw target.failure(ENAMETOOLONG, "its name");
    if (path === "" && entry.type !== "directory") throw target.failure(EBUSY, "replacement of the layer's root");
    const at = entryPath(path);
    target.makeParents(at.parent);
    this.#files++;
    if (isWhiteout(at)) {
      applyWhiteout(target, entry, at);
      return;
    }
    target.putBack(path);
    makeObject(target, entry, at, payload);
    if (entry.type === "directory") this.#directories.push({ name: entry.name, path, ...finalTimesOf(entry) });
  }

  /** Ends the layer; nothing can be applied after it. */
  finish(): ApplySummary {
    const target = this.#target;
    target.settle();
    for (const directory of this.#directories) {
      target.onStep();
      this.#setTimes(directory);
    }
    return {
      size: target.removed ? sizeOfTree(target.jail.root, target.onStep) : target.bytes,
      files: this.#files,
      warnings: target.warnings.list(),
      disturbed: target.removed || target.kept,
    };
  }

  [Symbol.dispose](): void {
    this.#target[Symbol.dispose]();
  }

  /** In the archive's order, and through symlinks: what a later entry put in a directory's place gets its times. */
  #setTimes({ name, path, atime, mtime }: DirectoryTimes): void {
    const target = this.#target;
    target.begin(name);
    const at = (path === "" ? "." : path) as ByteString;
    const directory = target.jail.open(at, constants.O_RDONLY | constants.O_DIRECTORY);
    const fd = directory === -ENOTDIR ? target.jail.open(at, O_PATH) : directory;
    target.must(fd, "the times of the directory that it was");
    try {
      target.must(
        directory === fd ? changeTimes(fd, atime, mtime) : changeTimesOfPathFd(fd, atime, mtime),
        "its times",
      );
    } finally {
      close(fd);
    }
  }
}
