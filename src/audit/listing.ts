/** What is in a directory, as the directory says it, without a look at the objects themselves. */
import { type ByteString, byteStringOf, displayName, utf8Of } from "../model/bytes.js";
import { AT_FDCWD } from "../sys/at.js";
import { statAt } from "../sys/stat.js";

export type Kind = "directory" | "file" | "symlink" | "other";

export interface Entry {
  /** Fit for display, and what the disk has where `path` is not null. */
  readonly name: string;
  readonly kind: Kind;
  /** null where the name cannot be written as text. */
  readonly path: string | null;
  /** Bytes; 0 for what has gone. */
  readonly size: number;
}

/** Names in their order. */
type Names = ReadonlyMap<string, { readonly kind: Kind; readonly isText: boolean }>;

/** A root has tens of thousands of them, most with the same few names: entries are made when they are asked for. */
export class Listing {
  static readonly EMPTY: Listing = new Listing("", new Map());
  readonly #directory: string;
  readonly #names: Names;

  constructor(directory: string, names: Names) {
    this.#directory = directory;
    this.#names = names;
  }

  get size(): number {
    return this.#names.size;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  get(name: string): Entry | undefined {
    const known = this.#names.get(name);
    return known && new ListedEntry(this.#directory, name, known.kind, known.isText);
  }

  keys(): Iterable<string> {
    return this.#names.keys();
  }

  *values(): Generator<Entry> {
    for (const [name, { kind, isText }] of this.#names) yield new ListedEntry(this.#directory, name, kind, isText);
  }
}

/** Of directories with few names what they hold is kept once. */
const FEW = 16;
/** In whatever order a filesystem gives the names. */
const MAX_KNOWN = 1000;

export class Listings {
  readonly #known = new Map<string, Names>();

  /** @param found raw names and their kinds, in any order */
  of(directory: string, found: readonly (readonly [ByteString, Kind])[]): Listing {
    if (found.length > FEW) return new Listing(directory, sorted(found));
    // No name has a slash.
    const key = found.map(([raw, kind]) => `${kind}/${raw}`).join("/");
    let names = this.#known.get(key);
    if (names === undefined) {
      names = sorted(found);
      if (this.#known.size < MAX_KNOWN) this.#known.set(key, names);
    }
    return new Listing(directory, names);
  }
}

function sorted(found: readonly (readonly [ByteString, Kind])[]): Names {
  const inOrder = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(
    inOrder.map(([raw, kind]) => {
      const text = utf8Of(raw);
      return [text ?? displayName(raw), { kind, isText: text !== null }];
    }),
  );
}

class ListedEntry implements Entry {
  readonly name: string;
  readonly kind: Kind;
  readonly path: string | null;

  constructor(directory: string, name: string, kind: Kind, isText: boolean) {
    this.name = name;
    this.kind = kind;
    this.path = isText ? `${directory}/${name}` : null;
  }

  get size(): number {
    const stat = this.path === null ? 0 : statAt(AT_FDCWD, byteStringOf(this.path));
    return typeof stat === "number" ? 0 : stat.size;
  }
}
