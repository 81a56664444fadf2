/**
 * Files that a layer shares with lower layers' directories by hard links. A new hard link to one gives it the
 * entry's owner, mode and times, and lower layers must not change with it: so the layer first gets its own copy.
 * dockerd changes the lower layer's file, whoever else uses it.
 */
import { constants, readSync } from "node:fs";
import type { ByteString } from "../model/bytes.js";
import { close, openAt, renameAt, S_IFMT, S_IFREG, unlinkAt } from "../sys/at.js";
import { changeMode, changeOwner, changeTimes } from "../sys/attributes.js";
import { type Stat, statAt, statOf } from "../sys/stat.js";
import { writeAll } from "../sys/write.js";
import { getXattrAt, listXattrsAt, setXattr } from "../sys/xattr.js";
import type { ApplyTarget } from "./apply-target.js";

const COPY = ".ovl-own-copy" as ByteString;
const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const WHAT = "the layer's own copy of a file that it shares with lower layers";

export class OwnFiles {
  /** Identities of the files that this layer made. */
  readonly #own = new Set<string>();

  /** @param fd open on a file that the layer made */
  add(target: ApplyTarget, fd: number): void {
    this.#own.add(this.#known(target, statOf(fd)).identity);
  }

  /** Replaces a file that is not the layer's own by a copy of it. Other objects are never shared. */
  separate(target: ApplyTarget, dir: number, base: ByteString): void {
    const stat = statAt(dir, base);
    if (typeof stat === "number" || (stat.mode & S_IFMT) !== S_IFREG || this.#own.has(stat.identity)) return;
    const from = target.must(openAt(dir, base, constants.O_RDONLY | constants.O_NOFOLLOW), WHAT);
    try {
      const to = target.must(openAt(dir, COPY, NEW, 0o600), WHAT);
      try {
        copy(target, from, to, stat, dir, base);
        target.must(renameAt(dir, COPY, dir, base), WHAT);
        this.add(target, to);
      } catch (thrown) {
        unlinkAt(dir, COPY);
        throw thrown;
      } finally {
        close(to);
      }
    } finally {
      close(from);
    }
  }

  #known(target: ApplyTarget, stat: Stat | number): Stat {
    if (typeof stat === "number") throw target.failure(-stat, WHAT);
    return stat;
  }
}

function copy(target: ApplyTarget, from: number, to: number, stat: Stat, dir: number, base: ByteString): void {
  const chunk = Buffer.alloc(256 * 1024);
  for (let length = readSync(from, chunk); length > 0; length = readSync(from, chunk)) {
    target.must(writeAll(to, chunk.subarray(0, length)), WHAT);
  }
  if (target.privileged) target.must(changeOwner(to, stat.uid, stat.gid), WHAT);
  const names = listXattrsAt(dir, base);
  for (const name of typeof names === "number" ? [] : names) {
    const value = getXattrAt(dir, base, name);
    if (value !== null && typeof value !== "number") setXattr(to, name, value);
  }
  target.must(changeMode(to, stat.mode & 0o7777), WHAT);
  target.must(changeTimes(to, stat.atime, stat.mtime), WHAT);
}
