/**
 * The overlay2 storage driver: `overlay2/<cache-id>/{diff,link,lower,work,committed}` and `overlay2/l/<link>`.
 * Modes, contents and order are those of dockerd 20.10; `link`, `lower` and `committed` are written by
 * temporary file and rename as dockerd does since 20.10.27, because empty ones exist in the field.
 */
import { randomBytes } from "node:crypto";
import { readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { asOvlError, OvlError } from "../errors.js";
import { type CacheId, isCacheId } from "../model/digest.js";
import { syncFileSystem } from "../sys/sync.js";
import { type DirectoryProblem, type Driver, type GraphData, type MountPlan, newCacheId } from "./driver.js";
import {
  ensureDirectory,
  makeDirectory,
  namesIn,
  readSmall,
  type SmallFile,
  syncDirectory,
  writeAtomically,
} from "./files.js";
import { isDirectory } from "./is-directory.js";
import { refuseMounts } from "./mounted.js";
import { checkOverlay2, LINK_TARGET } from "./overlay2-check.js";
import { removeTree } from "./remove-tree.js";

/**
 * Lowers that a layer may have: what fits the page of mount options, at 26 bytes a link plus `l/` and `:`,
 * with room for the rest of the options: 4096 / 29 less a margin, which dockerd rounds down to 128.
 */
const MAX_LOWERS = 128;

const LINK = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

export class Overlay2 implements Driver {
  readonly name = "overlay2";
  readonly home: string;
  readonly #real = new Set<string>();

  constructor(root: string) {
    this.home = join(root, "overlay2");
  }

  create(cacheId: CacheId, parent: CacheId | null): string {
    return this.#make(cacheId, parent, newLink());
  }

  recreate(cacheId: CacheId, parent: CacheId | null, above: CacheId | null, fill: (content: string) => void): void {
    const link = above === null ? newLink() : this.#linkBelow(above, cacheId);
    const lower = parent === null ? null : this.#lowerOnTopOf(parent);
    // 1. Whole before it has its name. Without `link`, and called as nothing but init layers are, what an interruption
    //    leaves of it passes for no layer, and goes as the init layer of no container.
    const staged = `${newCacheId()}-init` as CacheId;
    try {
      ensureDirectory(join(this.home, "l"), 0o700);
      fill(makeContent(this.dir(staged)));
      this.#putOn(staged, parent, lower);
      if (above !== null) this.#markCommitted(staged);
      syncFileSystem(this.home);
      this.remove(cacheId);
    } catch (thrown) {
      removeTree(this.dir(staged));
      throw asOvlError(thrown);
    }
    // 2. The short name that leads to it, from which `link` can be written again.
    rmSync(join(this.home, "l", link), { force: true });
    this.#linkTo(cacheId, link);
    syncDirectory(join(this.home, "l"));
    // 3. Its name, and then the way back.
    renameSync(this.dir(staged), this.dir(cacheId));
    writeAtomically(join(this.dir(cacheId), "link"), link, 0o644);
    syncDirectory(this.home);
  }

  #make(cacheId: CacheId, parent: CacheId | null, link: string): string {
    const dir = this.dir(cacheId);
    try {
      // 1. What the layers below are, before anything is made.
      const lower = parent === null ? null : this.#lowerOnTopOf(parent);
      // 2. The directory and the place for its content.
      ensureDirectory(this.home, 0o710);
      ensureDirectory(join(this.home, "l"), 0o700);
      const content = makeContent(dir);
      // 3. Its short name, in both directions.
      this.#linkTo(cacheId, link);
      writeAtomically(join(dir, "link"), link, 0o644);
      // 4. Its place on its parent.
      this.#putOn(cacheId, parent, lower);
      syncDirectory(join(this.home, "l"));
      syncDirectory(this.home);
      return content;
    } catch (thrown) {
      this.remove(cacheId);
      throw asOvlError(thrown);
    }
  }

  /** The parent is mounted read-only from now on. */
  #putOn(cacheId: CacheId, parent: CacheId | null, lower: string | null): void {
    if (parent === null || lower === null) return;
    makeDirectory(join(this.dir(cacheId), "work"), 0o700);
    this.#markCommitted(parent);
    writeAtomically(join(this.dir(cacheId), "lower"), lower, 0o644);
  }

  #linkTo(cacheId: CacheId, link: string): void {
    symlinkSync(`../${cacheId}/diff`, join(this.home, "l", link));
  }

  /** The short name by which a layer knows the one below that was lost. */
  #linkBelow(above: CacheId, cacheId: CacheId): string {
    const path = join(this.dir(above), "lower");
    const file = readSmall(path);
    const entry = file.kind === "read" ? (file.bytes.toString("latin1").split(":")[0] as string) : "nothing";
    const link = entry.slice("l/".length);
    const target = this.#target(link);
    if (!entry.startsWith("l/") || !LINK.test(link) || (target !== null && target !== cacheId)) {
      throw badRoot(path, `names ${JSON.stringify(entry)} first`, `the short name that ${cacheId} had`);
    }
    return link;
  }

  remove(cacheId: CacheId): void {
    refuseMounts(this.dir(cacheId));
    // The short name first: a directory without one is found again by its name, the reverse is not true.
    const link = this.link(cacheId);
    if (link !== null && this.#target(link) === cacheId) rmSync(join(this.home, "l", link), { force: true });
    else for (const name of this.#linksTo(cacheId)) rmSync(join(this.home, "l", name), { force: true });
    removeTree(this.dir(cacheId));
  }

  dir(cacheId: CacheId): string {
    return join(this.home, cacheId);
  }

  contentDir(cacheId: CacheId): string {
    return join(this.home, cacheId, "diff");
  }

  has(cacheId: CacheId): boolean {
    return this.#isLayer(cacheId) && isDirectory(this.contentDir(cacheId));
  }

  list(): CacheId[] {
    if (!this.#isReal(this.home)) return [];
    return namesIn(this.home).filter(isCacheId);
  }

  link(cacheId: CacheId): string | null {
    const file = this.#read(cacheId, "link");
    // A newline is no part of a name that could be used: dockerd copies it into `lower` and breaks there.
    const link = file.kind === "read" ? file.bytes.toString("latin1").trim() : "";
    return LINK.test(link) ? link : null;
  }

  lowerDirs(cacheId: CacheId): string[] {
    const path = join(this.dir(cacheId), "lower");
    const file = this.#read(cacheId, "lower");
    if (file.kind === "absent") return [];
    if (file.kind === "bad") throw badRoot(path, file.reason, "a list of l/<link> separated by colons");
    return file.bytes
      .toString("latin1")
      .split(":")
      .map((entry) => this.contentDir(this.#layerOf(entry, path)));
  }

  mountPlan(cacheId: CacheId, readOnly: boolean): MountPlan {
    const path = join(this.dir(cacheId), "lower");
    const file = this.#read(cacheId, "lower");
    if (file.kind === "bad") throw badRoot(path, file.reason, "a list of l/<link> separated by colons");
    const below = file.kind === "read" ? file.bytes.toString("latin1").split(":") : [];
    for (const entry of below) this.#layerOf(entry, path);
    if (below.length > MAX_LOWERS) throw tooMany(this.dir(cacheId), below.length);
    const dir = `${cacheId}/diff`;
    if (readOnly) {
      return below.length === 0
        ? { kind: "bind", source: dir }
        : { kind: "overlay", lower: [dir, ...below], upper: null };
    }
    if (below.length === 0) throw badRoot(path, "is missing", "the layers below a container's own");
    return { kind: "overlay", lower: below, upper: { dir, work: `${cacheId}/work` } };
  }

  mergedDir(cacheId: CacheId): string {
    return join(this.dir(cacheId), "merged");
  }

  check(cacheId: CacheId, below: readonly (CacheId | null)[]): DirectoryProblem[] {
    return checkOverlay2(this.home, cacheId, below);
  }

  graphData(cacheId: CacheId): GraphData {
    const dir = this.dir(cacheId);
    if (!this.#isLayer(cacheId)) throw new OvlError("NOT_FOUND", `layer directory ${dir} is missing`, { path: dir });
    const lower = this.lowerDirs(cacheId);
    return {
      ...(lower.length > 0 ? { LowerDir: lower.join(":") } : {}),
      MergedDir: join(dir, "merged"),
      UpperDir: join(dir, "diff"),
      WorkDir: join(dir, "work"),
    };
  }

  #lowerOnTopOf(parent: CacheId): string {
    const dir = this.dir(parent);
    const link = this.link(parent);
    if (link === null) throw badRoot(join(dir, "link"), "has no usable link id", "26 characters");
    const path = join(dir, "lower");
    const file = readSmall(path);
    if (file.kind === "bad") throw badRoot(path, file.reason, "a list of l/<link> separated by colons");
    const below = file.kind === "read" ? file.bytes.toString("latin1").trim().split(":") : [];
    for (const entry of below) this.#layerOf(entry, path);
    if (below.length + 1 > MAX_LOWERS) throw tooMany(dir, below.length);
    return [`l/${link}`, ...below].join(":");
  }

  /** The layer that an entry of `lower` means. */
  #layerOf(entry: string, path: string): CacheId {
    const link = entry.startsWith("l/") ? entry.slice(2) : "";
    const layer = LINK.test(link) ? this.#target(link) : null;
    if (layer === null) throw badRoot(path, `names ${JSON.stringify(entry)}`, "the short name of a layer below");
    return layer;
  }

  /** Whether its directory is one, and no symlink that could lead out of the root. */
  #isLayer(cacheId: CacheId): boolean {
    return this.#isReal(this.home) && isDirectory(this.dir(cacheId));
  }

  /** A file beside a layer's content. */
  #read(cacheId: CacheId, name: string): SmallFile {
    return this.#isLayer(cacheId) ? readSmall(join(this.dir(cacheId), name)) : { kind: "absent" };
  }

  /** Remembered once it is so: it is asked for every layer. */
  #isReal(path: string): boolean {
    if (this.#real.has(path)) return true;
    if (!isDirectory(path)) return false;
    this.#real.add(path);
    return true;
  }

  /** The layer that a short name points to, from its text alone: it is never followed. */
  #target(link: string): CacheId | null {
    if (!this.#isReal(this.home) || !this.#isReal(join(this.home, "l"))) return null;
    try {
      const layer = LINK_TARGET.exec(readlinkSync(join(this.home, "l", link)))?.[1];
      return layer !== undefined && isCacheId(layer) ? layer : null;
    } catch {
      return null;
    }
  }

  #linksTo(cacheId: CacheId): string[] {
    return namesIn(join(this.home, "l")).filter((name) => this.#target(name) === cacheId);
  }

  #markCommitted(cacheId: CacheId): void {
    const path = join(this.dir(cacheId), "committed");
    if (readSmall(path).kind === "absent") writeAtomically(path, "", 0o600);
  }
}

/** The directory of a layer with the place for its content, which is returned. */
function makeContent(dir: string): string {
  makeDirectory(dir, 0o710);
  const content = join(dir, "diff");
  makeDirectory(content, 0o755);
  return content;
}

/** 26 characters of the RFC 4648 base32 text of 17 random bytes. */
function newLink(): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  // A base32 digit is 5 bits, and 256 is a multiple of 32: the low bits of a byte are as good.
  return Array.from(randomBytes(26), (byte) => alphabet[byte & 31]).join("");
}

function tooMany(dir: string, below: number): OvlError {
  return new OvlError("TOO_MANY_LAYERS", `${dir} has ${below} layers below it; overlay2 mounts ${MAX_LOWERS}`, {
    layers: below,
    limit: MAX_LOWERS,
  });
}

function badRoot(path: string, found: string, expected: string): OvlError {
  return new OvlError("BAD_ROOT", `${path} ${found}; expected ${expected}`, { path });
}
