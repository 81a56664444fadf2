/**
 * Removes a directory with everything in it. Node's own `rmSync` takes names for UTF-8 and gives up on the
 * others, and on paths longer than the kernel takes; a layer may have both.
 */
import { chmodSync, type Dirent, lstatSync, readdirSync, renameSync, rmdirSync, unlinkSync } from "node:fs";
import { type OvlError, osError } from "../errors.js";
import { errnoOf } from "./files.js";
import { refuseMounts } from "./mounted.js";

/** Path length, in bytes, from which a directory is moved up before it is emptied: 4096 less one name. */
const DEEP = 3800;
const SLASH = Buffer.from("/");

/**
 * Absent is fine. Symlinks are removed, never followed. Throws IN_USE where something is mounted inside,
 * before anything is removed.
 */
export function removeTree(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  const root = Buffer.from(path);
  if (!stat.isDirectory()) {
    unlinkSync(root);
    return;
  }
  refuseMounts(path);
  new Removing(root).run();
}

class Removing {
  readonly #root: Buffer;
  /** Directories too deep to be named are moved up into the root, to be emptied in the next round. */
  #moved = 0;

  constructor(root: Buffer) {
    this.#root = root;
  }

  run(): void {
    let before: number;
    do {
      before = this.#moved;
      this.#empty(this.#root);
    } while (this.#moved > before);
    remove(this.#root, null, rmdirSync);
  }

  #empty(directory: Buffer): void {
    for (const entry of entriesOf(directory)) {
      const path = Buffer.concat([directory, SLASH, entry.name]);
      if (!entry.isDirectory()) remove(path, directory, unlinkSync);
      else if (path.length > DEEP) this.#moveUp(path, directory);
      else {
        this.#empty(path);
        remove(path, directory, rmdirSync);
      }
    }
  }

  #moveUp(path: Buffer, parent: Buffer): void {
    const name = Buffer.from(`.removing-${process.pid}-${this.#moved++}`);
    remove(path, parent, () => renameSync(path, Buffer.concat([this.#root, SLASH, name])));
  }
}

function entriesOf(directory: Buffer): Dirent<Buffer>[] {
  const list = () => readdirSync(directory, { encoding: "buffer", withFileTypes: true }) as unknown as Dirent<Buffer>[];
  try {
    return list();
  } catch (thrown) {
    if (errnoOf(thrown) !== "EACCES") throw refused(thrown, directory);
    return openUp(directory, list);
  }
}

function remove(path: Buffer, parent: Buffer | null, act: (path: Buffer) => void): void {
  try {
    act(path);
  } catch (thrown) {
    const code = errnoOf(thrown);
    if (code === "ENOENT") return;
    if (code !== "EACCES" || parent === null) throw refused(thrown, path);
    openUp(parent, () => act(path));
  }
}

/** Without root, a directory that its owner may not read or change has to be opened up first. */
function openUp<T>(directory: Buffer, again: () => T): T {
  try {
    chmodSync(directory, 0o700);
    return again();
  } catch (thrown) {
    throw refused(thrown, directory);
  }
}

function refused(thrown: unknown, path: Buffer): OvlError {
  const shown = path.toString();
  return osError(errnoOf(thrown) || "EIO", `remove ${shown}`, { path: shown }, thrown);
}
