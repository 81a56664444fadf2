/** Every object of a union, directories before what is in them, in byte order of the names. */
import type { ByteString } from "../model/bytes.js";
import type { UnionDirectory } from "./directory.js";
import { type Entry, joinPath } from "./entry.js";

export interface Visit {
  /** Without leading slash. */
  readonly path: ByteString;
  readonly entry: Entry;
  /** What the entry lies in: its content, target and attributes are read through it, until the walk goes on. */
  readonly directory: UnionDirectory;
}

/** Files that a walk keeps open: far below the 1024 that a process may have where nobody has raised the limit. */
const MAX_HELD = 512;

/**
 * Walks what is below a directory, not the directory itself. Memory is that of the names in the directories on the
 * way down. Stopping early closes everything.
 */
export function* walk(top: UnionDirectory): Generator<Visit, void, undefined> {
  const stack: { readonly directory: UnionDirectory; readonly entries: Iterator<Entry> }[] = [];
  stack.push({ directory: top, entries: top.entries() });
  try {
    for (let level = stack.at(-1); level !== undefined; level = stack.at(-1)) {
      const { directory, entries } = level;
      const next = entries.next();
      if (next.done === true) {
        stack.pop();
        if (directory !== top) directory[Symbol.dispose]();
        continue;
      }
      const entry = next.value;
      yield { path: joinPath(directory.path, entry.name), entry, directory };
      if (entry.type !== "directory") continue;
      const inner = directory.enter(entry);
      stack.push({ directory: inner, entries: inner.entries() });
      if (stack.reduce((sum, { directory }) => sum + directory.held, 0) > MAX_HELD) {
        for (const outer of stack) if (outer.directory !== inner) outer.directory.release();
      }
    }
  } finally {
    for (const { directory } of stack) if (directory !== top) directory[Symbol.dispose]();
  }
}
