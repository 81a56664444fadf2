/** A union written out as a directory, without mounting anything. */
import { constants, lstatSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { removeTree } from "../driver/remove-tree.js";
import { asOvlError, errnoOf, OvlError } from "../errors.js";
import { byteStringOf } from "../model/bytes.js";
import { temporaryName } from "../store/save-output.js";
import { AT_FDCWD, close, openAt, renameAt } from "../sys/at.js";
import { must } from "../sys/errno.js";
import { namesAt } from "../sys/read-names.js";
import { Pace } from "./pace.js";
import { type LinkMode, TreeWriter } from "./tree-writer.js";
import type { Union, UnionWarning } from "./union.js";
import { walk } from "./walk.js";

export interface WriteOutOptions {
  readonly link: LinkMode;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Throws USAGE where the directory is not empty or no directory, NOT_FOUND where the one that it is to be in is
 * missing, and what reading and writing throw; then nothing is left of what was written.
 * @param directory empty or absent
 * @returns its absolute path, and what had to be left out
 */
export async function writeOut(
  union: Union,
  directory: string,
  options: WriteOutOptions,
): Promise<{ readonly path: string; readonly warnings: readonly Pick<UnionWarning, "message">[] }> {
  const path = resolve(directory);
  const place = placeFor(path);
  try {
    const warnings = await write(union, place.path, path, options);
    place.commit();
    return { path, warnings };
  } catch (thrown) {
    place.clear();
    throw asOvlError(thrown);
  }
}

/** @param shown what the directory is called in messages */
async function write(union: Union, path: string, shown: string, { link, signal }: WriteOutOptions) {
  const pace = new Pace(signal);
  const root = must(openAt(AT_FDCWD, byteStringOf(path), DIRECTORY), `open ${path}`, { path });
  using tree = new TreeWriter(root, shown, link);
  for (const visit of walk(union.root)) {
    for (const _ of tree.add(visit)) if (pace.isDue) await pace.rest();
    if (pace.isDue) await pace.rest();
  }
  tree.finish(union);
  return tree.warnings();
}

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

interface Place {
  /** Where to write. */
  readonly path: string;
  commit(): void;
  clear(): void;
}

function placeFor(path: string): Place {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return newPlace(path);
  if (!there.isDirectory()) throw new OvlError("USAGE", `${path} is there, and is no directory`, { path });
  const [found] = namesIn(path);
  if (found !== undefined) {
    throw new OvlError(
      "USAGE",
      `${path} is not empty: it has ${JSON.stringify(found)}; name an empty or a new directory`,
      { path },
    );
  }
  // The directory itself stays: it is not ours, and may be a mount point.
  return { path, commit() {}, clear: () => empty(path) };
}

/** Under another name until it is complete. */
function newPlace(path: string): Place {
  const parent = dirname(path);
  const temporary = join(parent, temporaryName(basename(path)));
  try {
    mkdirSync(temporary, 0o700);
  } catch (thrown) {
    if (errnoOf(thrown) !== "ENOENT") throw asOvlError(thrown);
    throw new OvlError("NOT_FOUND", `cannot make ${path}: there is no directory ${parent}`, { path: parent });
  }
  return {
    path: temporary,
    commit: () => renameSync(temporary, path),
    clear: () => removeTree(temporary),
  };
}

/** Everything in one directory first, which has a name that is text: names from layers need not be. */
function empty(path: string): void {
  const trash = join(path, temporaryName("trash"));
  mkdirSync(trash, 0o700);
  const from = must(openAt(AT_FDCWD, byteStringOf(path), DIRECTORY), `open ${path}`, { path });
  const to = must(openAt(AT_FDCWD, byteStringOf(trash), DIRECTORY), `open ${trash}`, { path: trash });
  try {
    const names = namesAt(from);
    for (const name of typeof names === "number" ? [] : names) {
      if (name !== byteStringOf(basename(trash))) must(renameAt(from, name, to, name), `empty ${path}`, { path });
    }
  } finally {
    close(from);
    close(to);
  }
  removeTree(trash);
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path, { encoding: "latin1" });
  } catch (thrown) {
    throw asOvlError(thrown);
  }
}
