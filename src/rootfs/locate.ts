/** From a path to what it names, through the symlinks of the union as after chroot: none leads out of it. */
import { OvlError } from "../errors.js";
import type { ByteString } from "../model/bytes.js";
import { cleanPath } from "../tar/clean.js";
import type { UnionDirectory } from "./directory.js";
import { type Entry, joinPath, shownPath } from "./entry.js";
import type { Union } from "./union.js";

export type Symlinks = "none" | "parents" | "all";

/** The kernel's limit for one path. */
const MAX_SYMLINKS = 40;

export interface Located extends Disposable {
  /** Where it is or would be, without leading slash and, as far as there is anything, without symlinks. */
  readonly path: ByteString;
  /** What is there; null for nothing. It lies in `directory`. */
  readonly entry: Entry | null;
  /** The last directory on the way that is there. */
  readonly directory: UnionDirectory;
  /** Names below `directory` that are not there; empty where `entry` is not null. */
  readonly missing: readonly ByteString[];
  /** What is there in the place of the first missing name, and is no directory. */
  readonly obstacle: Entry | null;
}

/** Something on the way: it lies in `directory`, which only the root does not own. */
interface Step {
  readonly directory: UnionDirectory;
  readonly entry: Entry;
}

export function locate(union: Union, path: ByteString, symlinks: Symlinks): Located {
  const pending = namesOf(symlinks === "none" ? cleanPath(`/${path}` as ByteString) : path);
  const steps: [Step, ...Step[]] = [{ directory: union.root, entry: union.rootEntry }];
  const leave = () => {
    const step = steps.length > 1 ? steps.pop() : undefined;
    if (step !== undefined && step.directory !== union.root) step.directory[Symbol.dispose]();
  };
  try {
    let followed = 0;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      const { directory: outer, entry } = steps.at(-1) as Step;
      if (entry.type !== "directory") {
        return located(union, steps, outer, null, [entry.name, name, ...pending.reverse()], entry);
      }
      if (name === ".") continue;
      if (name === "..") {
        leave();
        continue;
      }
      const directory = steps.length === 1 ? union.root : outer.enter(entry);
      const child = childOf(union, directory, name, pending);
      if (child === null) return located(union, steps, directory, null, [name, ...pending.reverse()], null);
      steps.push({ directory, entry: child });
      if (child.type !== "symlink" || symlinks === "none" || (pending.length === 0 && symlinks !== "all")) continue;
      if (++followed > MAX_SYMLINKS) {
        const shown = shownPath(path.replace(/^\/+/, "") as ByteString);
        throw new OvlError("NOT_FOUND", `${shown} leads through more than ${MAX_SYMLINKS} symlinks`, { path: shown });
      }
      const target = directory.readLink(child);
      leave();
      if (target.startsWith("/")) while (steps.length > 1) leave();
      pending.push(...namesOf(target));
    }
    const { directory, entry } = steps.at(-1) as Step;
    return located(union, steps, directory, entry, [], null);
  } catch (thrown) {
    while (steps.length > 1) leave();
    throw thrown;
  }
}

/** @param further names after it, the last one first */
function childOf(
  union: Union,
  directory: UnionDirectory,
  name: ByteString,
  further: readonly ByteString[],
): Entry | null {
  try {
    const child = directory.get(name);
    union.guard?.(child === null ? pathOf(directory, [name, ...further.toReversed()]) : joinPath(directory.path, name));
    return child;
  } catch (thrown) {
    if (directory !== union.root) directory[Symbol.dispose]();
    throw thrown;
  }
}

function located(
  union: Union,
  steps: readonly Step[],
  directory: UnionDirectory,
  entry: Entry | null,
  missing: readonly ByteString[],
  obstacle: Entry | null,
): Located {
  for (const step of steps)
    if (step.directory !== directory && step.directory !== union.root) step.directory[Symbol.dispose]();
  return {
    path: pathOf(directory, entry === null ? missing : [entry.name]),
    entry,
    directory,
    missing: missing.filter((name) => name !== "."),
    obstacle,
    [Symbol.dispose]() {
      if (directory !== union.root) directory[Symbol.dispose]();
    },
  };
}

/** Of what is or would be below a directory. */
function pathOf(directory: UnionDirectory, names: readonly ByteString[]): ByteString {
  return cleanPath(`/${joinPath(directory.path, names.join("/") as ByteString)}` as ByteString).slice(1) as ByteString;
}

/** Components, the last one first. A slash at the end asks for a directory, as `/.` does. */
function namesOf(path: ByteString): ByteString[] {
  const names = path.split("/").filter((name) => name !== "");
  if (path.endsWith("/")) names.push(".");
  return names.reverse() as ByteString[];
}
