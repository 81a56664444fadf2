/**
 * What trees take on disk, as `du -x` counts: blocks and inodes, those of directories too, each inode once over all
 * trees. Nothing is followed, opened for its content or changed.
 */
import { constants, realpathSync } from "node:fs";
import { mountTable } from "../driver/mount-table.js";
import { type ByteString, byteStringOf } from "../model/bytes.js";
import { AT_FDCWD, close } from "../sys/at.js";
import { ENOENT, errnoName } from "../sys/errno.js";
import { openQuietlyAt, typedNamesOf } from "../sys/read-names.js";
import { isDirectory, type Stat, statAt } from "../sys/stat.js";

export interface Use {
  /** Allocated. */
  readonly bytes: number;
  readonly inodes: number;
}

export const NOTHING: Use = { bytes: 0, inodes: 0 };

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;

/** A directory that is open, and what of it was not looked at yet. */
interface Frame {
  readonly fd: number;
  readonly path: string;
  readonly device: string;
  readonly names: ByteString[];
}

export class DiskWalk {
  /** Directories that could not be read, by the reason. */
  readonly unread: { readonly path: string; readonly reason: string }[] = [];
  /** Of objects with several names, those met. */
  readonly #seen = new Set<string>();
  /** By their real paths: of a mount, what it hides is not counted, nor what it shows. */
  readonly #mounts: ReadonlySet<string>;
  readonly #prefixes = new Map<string, string>();

  constructor() {
    this.#mounts = new Set(mountTable().map(({ point }) => point));
  }

  /** An object and what is below it, as far as nothing of it was counted before; nothing where nothing is. */
  measure(path: string): Use {
    const stat = statAt(AT_FDCWD, byteStringOf(path));
    if (typeof stat === "number") return NOTHING;
    const sum = { bytes: 0, inodes: 0 };
    this.#count(stat, sum);
    if (isDirectory(stat)) this.#below(AT_FDCWD, byteStringOf(path), path, stat, sum);
    return sum;
  }

  /** An object alone. */
  self(path: string): Use {
    const stat = statAt(AT_FDCWD, byteStringOf(path));
    const sum = { bytes: 0, inodes: 0 };
    if (typeof stat !== "number") this.#count(stat, sum);
    return sum;
  }

  #count(stat: Stat, sum: { bytes: number; inodes: number }): void {
    if (stat.nlink > 1 && !isDirectory(stat)) {
      if (this.#seen.has(stat.identity)) return;
      this.#seen.add(stat.identity);
    }
    sum.bytes += stat.blocks * 512;
    sum.inodes++;
  }

  /** No recursion: a container may have made directories as deep as it liked. */
  #below(parent: number, name: ByteString, path: string, stat: Stat, sum: { bytes: number; inodes: number }): void {
    const frames: Frame[] = [];
    this.#enter(frames, parent, name, path, stat);
    try {
      for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
        const child = frame.names.pop();
        if (child === undefined) {
          close(frame.fd);
          frames.pop();
          continue;
        }
        const found = statAt(frame.fd, child);
        if (typeof found === "number") continue;
        const directory = isDirectory(found);
        // dockerd mounts containers on their `merged`, and nothing else here.
        if (directory && (device(found.identity) !== frame.device || this.#isMount(frame.path, child))) continue;
        this.#count(found, sum);
        if (directory) this.#enter(frames, frame.fd, child, `${frame.path}/${child}`, found);
      }
    } finally {
      for (const { fd } of frames) close(fd);
    }
  }

  #enter(frames: Frame[], parent: number, name: ByteString, path: string, { identity }: Stat): void {
    const fd = openQuietlyAt(parent, name, DIRECTORY);
    // Gone since: on a live root things are.
    if (fd === -ENOENT) return;
    if (fd < 0) return void this.unread.push({ path, reason: errnoName(-fd) });
    const names = typedNamesOf(fd);
    if (typeof names === "number") {
      close(fd);
      this.unread.push({ path, reason: errnoName(-names) });
    } else frames.push({ fd, path, device: device(identity), names: names.map(([child]) => child) });
  }

  #isMount(directory: string, name: ByteString): boolean {
    if (name !== "merged") return false;
    let real = this.#prefixes.get(directory);
    if (real === undefined) {
      try {
        real = realpathSync(directory);
      } catch {
        real = directory;
      }
      this.#prefixes.set(directory, real);
    }
    return this.#mounts.has(`${real}/${name}`);
  }
}

/** Of `major:minor:inode`. */
function device(identity: string): string {
  return identity.slice(0, identity.lastIndexOf(":"));
}
