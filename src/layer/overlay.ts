/**
 * Layers of the legacy overlay driver: each one is a complete tree, a copy of its parent's by hard links, in which
 * whiteouts remove. moby's `UnpackLayer`; on-disk-format §9.3.
 */
import { constants } from "node:fs";
import type { ByteSource } from "../blob/byte-source.js";
import type { ByteString } from "../model/bytes.js";
import { close, openAt } from "../sys/at.js";
import { AS_IT_IS, changeTimesOfPathFd, NOW } from "../sys/attributes.js";
import { EBUSY, ENOENT } from "../sys/errno.js";
import { namesAt } from "../sys/read-names.js";
import { isDirectory, statAt } from "../sys/stat.js";
import { baseName, cleanPath } from "../tar/clean.js";
import type { TarEntry } from "../tar/entry.js";
import { makeObject } from "./apply-object.js";
import { entryPath } from "./apply-path.js";
import type { ApplyTarget, EntryPath } from "./apply-target.js";
import type { LayerDialect } from "./dialect.js";
import { parentOf } from "./jail.js";
import { KeptFile } from "./kept-file.js";

const WHITEOUT = ".wh.";
const AUFS = ".wh..wh.";
const AUFS_LINKS = ".wh..wh.plnk";
const OPAQUE = ".wh..wh..opq";
const LIST = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** A file below `.wh..wh.plnk`, which aufs kept for hard links between its branches. */
interface LinkSource {
  readonly entry: TarEntry;
  readonly file: KeptFile;
}

export class OverlayDialect implements LayerDialect {
  readonly implied = { mode: 0o600, rootOwned: false };
  readonly sharesFiles = true;
  /** What this layer has made so far; an opaque mark removes the rest. */
  readonly #written = new Set<ByteString>();
  readonly #linkSources = new Map<ByteString, LinkSource>();
  /**
   * dockerd keeps a directory for link sources in the root till the end, so the root's own time is now, whatever its
   * entry says; unless an opaque mark on the root took that directory, with all link sources, before.
   */
  #rootCleared = false;
  #size = 0;

  passesOver(): boolean {
    return false;
  }

  handle(target: ApplyTarget, entry: TarEntry, at: EntryPath, payload: ByteSource): boolean {
    this.#size += entry.size;
    const name = cleanPath(entry.name);
    if (name.startsWith(AUFS) && name !== OPAQUE) {
      if (name.startsWith(AUFS_LINKS) && entry.type === "file") this.#keep(target, entry, at, payload);
      return true;
    }
    if (at.base.startsWith(WHITEOUT)) {
      if (at.base === OPAQUE) this.#clear(target, at);
      else whiteOut(target, at);
      return true;
    }
    this.#written.add(at.path);
    if (entry.type === "global") {
      // It makes nothing, but what has its name goes.
      const dir = target.jail.directory(at.parent);
      if (dir >= 0 && typeof statAt(dir, at.base) !== "number") target.remove(at);
      return true;
    }
    const source = entry.type === "hardlink" ? cleanPath(entry.linkName) : null;
    if (source === null || !source.startsWith(AUFS_LINKS)) return false;
    const kept = this.#linkSources.get(baseName(source));
    if (kept === undefined || this.#rootCleared) throw target.refusal("invalid aufs hardlink");
    makeObject(target, kept.entry, at, kept.file.content());
    return true;
  }

  finish(target: ApplyTarget): number {
    if (!this.#rootCleared) target.must(changeTimesOfPathFd(target.jail.root, AS_IT_IS, NOW), "the time of the root");
    return this.#size;
  }

  [Symbol.dispose](): void {
    for (const { file } of this.#linkSources.values()) file[Symbol.dispose]();
    this.#linkSources.clear();
  }

  #keep(target: ApplyTarget, entry: TarEntry, at: EntryPath, payload: ByteSource): void {
    if (this.#rootCleared) throw target.refusal("an aufs hard link's source after an opaque mark on the root");
    this.#linkSources.get(at.base)?.file[Symbol.dispose]();
    const file = new KeptFile(target.jail.root);
    this.#linkSources.set(at.base, { entry, file });
    for (let bytes = payload.read(); bytes !== null; bytes = payload.read()) {
      target.must(file.append(bytes), "a file that aufs hard links are made of");
    }
  }

  /** Removes everything below the mark's directory that this layer did not write; names count, not symlinks. */
  #clear(target: ApplyTarget, at: EntryPath): void {
    const own = entryPath(at.parent);
    const stat = statAt(target.directoryOf(own), own.base);
    if (typeof stat === "number") throw target.failure(-stat, "its directory");
    if (isDirectory(stat)) this.#clearBelow(target, at.parent);
    if (at.parent === "") this.#rootCleared = true;
  }

  #clearBelow(target: ApplyTarget, path: ByteString): void {
    for (const name of namesOf(target, path)) {
      const child = entryPath((path === "" ? name : `${path}/${name}`) as ByteString);
      if (!this.#written.has(child.path)) {
        target.remove(child);
        continue;
      }
      const stat = statAt(target.directoryOf(child), child.base);
      if (typeof stat !== "number" && isDirectory(stat)) this.#clearBelow(target, child.path);
    }
  }
}

function namesOf(target: ApplyTarget, path: ByteString): ByteString[] {
  const at = entryPath(path);
  const fd = target.must(openAt(target.directoryOf(at), at.base, LIST), "its directory");
  try {
    const names = namesAt(fd);
    if (typeof names === "number") throw target.failure(-names, "its directory");
    return names;
  } finally {
    close(fd);
  }
}

/**
 * Removes what a whiteout names, if it is there. One without a name, or of `.`, names the directory that it is in;
 * one of `..` the directory above.
 */
function whiteOut(target: ApplyTarget, at: EntryPath): void {
  const name = at.base.slice(WHITEOUT.length) as ByteString;
  const named =
    name === ".."
      ? parentOf(at.parent)
      : name === "" || name === "."
        ? at.parent
        : `${at.path.slice(0, -at.base.length)}${name}`;
  if (named === "") throw target.failure(EBUSY, "removal of the layer's root");
  const victim = entryPath(named as ByteString);
  if (target.jail.directory(victim.parent) !== -ENOENT) target.remove(victim);
}
