/**
 * The names of a root's images: `repositories.json`, which maps familiar repository names to familiar
 * references to image ids. Written as Go writes it, replaced as a whole.
 */
import { randomInt } from "node:crypto";
import { linkSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { readSmall, syncDirectory, writeAtomically } from "../driver/files.js";
import { asOvlError, OvlError } from "../errors.js";
import { type ImageId, isImageId } from "../model/digest.js";
import { goJson } from "../model/go-json.js";
import {
  familiarName,
  familiarString,
  fullString,
  parseReference,
  type Reference,
  referenceOf,
  withDefaultTag,
} from "../model/reference.js";
import type { Layout } from "./layout.js";
import { MAX_NAMES_BYTES, parseRepositories } from "./repositories-json.js";
import type { StoreWarning } from "./warning.js";

export interface NamedImage {
  readonly reference: Reference;
  readonly id: ImageId;
}

export interface KeptNames extends Disposable {
  restore(): void;
}

export interface NameChanges {
  /** Gives an image a name, taking it from the image that has it. Text is parsed as a reference. */
  tag(name: string | Reference, id: ImageId): void;
  /** Takes a name away; one that is not there is fine. */
  remove(reference: Reference): void;
}

export class Repositories {
  readonly path: string;
  /** As in the file, entries that nothing here understands included: a writer gives back what it found. */
  #names: Map<string, Map<string, string>>;
  #byId: Map<ImageId, Reference[]> | null = null;
  readonly #damage: OvlError | null;

  /** Reads the file. Damage shows in `warnings`, and refuses every change. */
  constructor(path: string, layout: Layout | null = null) {
    this.path = path;
    const { names, damage } = layout?.obstacleTo(path) == null ? read(path) : OUT_OF_REACH;
    this.#names = names;
    this.#damage = damage;
  }

  get warnings(): StoreWarning[] {
    if (this.#damage === null) return [];
    return [{ code: "BAD_REPOSITORIES", subject: this.path, message: this.#damage.message }];
  }

  /** Names of an image in the order of their full form, as docker lists them. */
  of(id: ImageId): readonly Reference[] {
    this.#byId ??= index(this.#names);
    return this.#byId.get(id) ?? [];
  }

  /** The image of a name, which has `:latest` where it says nothing; a digest counts more than a tag. */
  get(reference: Reference): ImageId | null {
    const key = stored(reference);
    const id = this.#names.get(familiarName(key))?.get(familiarString(key));
    return id !== undefined && isImageId(id) ? id : null;
  }

  /** Every name that can be understood, whether its image exists or not. */
  list(): NamedImage[] {
    this.#byId ??= index(this.#names);
    return [...this.#byId].flatMap(([id, references]) => references.map((reference) => ({ reference, id })));
  }

  /** Changes names, all of them by one replacement of the file; none if `change` throws. */
  update(change: (names: NameChanges) => void): void {
    this.refuseDamage();
    const names = new Map([...this.#names].map(([name, repository]) => [name, new Map(repository)]));
    change({
      tag: (name, id) => tag(names, typeof name === "string" ? parseReference(name) : name, id),
      remove: (reference) => remove(names, reference),
    });
    const changed = written(names) !== written(this.#names);
    if (changed || readSmall(this.path, MAX_NAMES_BYTES).kind === "absent") this.#save(names);
  }

  /** Throws BAD_ROOT where the names are not known: then every image looks as if it had none. */
  refuseDamage(): void {
    if (this.#damage !== null) throw this.#damage;
  }

  /** The image that a name leads to, whether that image exists or not; null for a name that nobody has. */
  holder(name: string | Reference): string | null {
    const key = stored(typeof name === "string" ? parseReference(name) : name);
    return this.#names.get(familiarName(key))?.get(familiarString(key)) ?? null;
  }

  /** Writes an empty file unless there is one, as dockerd does when it starts. */
  create(): void {
    if (readSmall(this.path, MAX_NAMES_BYTES).kind === "absent") this.#save(this.#names);
  }

  /** Keeps the names as they are, so that they can be had back without room on the disk; until it is disposed. */
  keep(): KeptNames {
    const names = this.#names;
    const kept = join(dirname(this.path), `.tmp-${basename(this.path)}${randomInt(2 ** 32)}`);
    try {
      linkSync(this.path, kept);
    } catch (thrown) {
      throw asOvlError(thrown);
    }
    return {
      restore: () => {
        // Never undone: what stands there is what is to go, and this may be the only copy of what was.
        renameSync(kept, this.path);
        this.#names = names;
        this.#byId = null;
        syncDirectory(dirname(this.path));
      },
      [Symbol.dispose]: () => rmSync(kept, { force: true }),
    };
  }

  #save(names: Map<string, Map<string, string>>): void {
    try {
      writeAtomically(this.path, written(names), 0o600);
    } catch (thrown) {
      this.#putBack(names);
      throw thrown;
    }
    this.#names = names;
    this.#byId = null;
  }

  /**
   * The new file may be in place although it could not be brought to the disk: then the old names are written again.
   */
  #putBack(names: Map<string, Map<string, string>>): void {
    const file = readSmall(this.path, MAX_NAMES_BYTES);
    if (file.kind !== "read" || file.bytes.toString("utf8") !== written(names)) return;
    try {
      writeAtomically(this.path, written(this.#names), 0o600);
    } catch {
      // A disk that fails twice: what it said first is thrown.
    }
  }
}

// Outside of the class: TypeScript 7.0 renames a property inside a class that is called as the class.
function written(names: Map<string, Map<string, string>>): string {
  return goJson({ Repositories: names });
}

function tag(names: Map<string, Map<string, string>>, reference: Reference, id: ImageId): void {
  const key = stored(reference);
  const name = familiarName(key);
  if (name === "sha256") {
    throw new OvlError("USAGE", "the repository name sha256 would be ambiguous with a digest", { reference: name });
  }
  names.set(name, (names.get(name) ?? new Map<string, string>()).set(familiarString(key), id));
}

function remove(names: Map<string, Map<string, string>>, reference: Reference): void {
  const key = stored(reference);
  const repository = names.get(familiarName(key));
  repository?.delete(familiarString(key));
  if (repository?.size === 0) names.delete(familiarName(key));
}

/** What is stored of a reference: by digest alone where it has one, else by tag. */
function stored(reference: Reference): Reference {
  return reference.digest === null ? withDefaultTag(reference) : { ...reference, tag: null };
}

function index(names: Map<string, Map<string, string>>): Map<ImageId, Reference[]> {
  const byId = new Map<ImageId, Reference[]>();
  for (const repository of names.values()) {
    for (const [text, id] of repository) {
      const reference = referenceOf(text);
      if (reference === null || !isImageId(id)) continue;
      const references = byId.get(id);
      if (references === undefined) byId.set(id, [reference]);
      else references.push(reference);
    }
  }
  const order = (a: Reference, b: Reference) => (fullString(a) < fullString(b) ? -1 : 1);
  for (const references of byId.values()) references.sort(order);
  return byId;
}

// dockerd ignores keys that it cannot parse, and shows the others in familiar form even where they are not.
/** Whoever reads the layout says so. */
const OUT_OF_REACH = { names: new Map<string, Map<string, string>>(), damage: null };

function read(path: string): { names: Map<string, Map<string, string>>; damage: OvlError | null } {
  const empty = new Map<string, Map<string, string>>();
  const damaged = (why: string) => ({
    names: empty,
    damage: new OvlError(
      "BAD_ROOT",
      `${path} ${why}, so the names of the images are unknown; dockerd would not start`,
      {
        path,
      },
    ),
  });
  const file = readSmall(path, MAX_NAMES_BYTES);
  if (file.kind === "absent") return { names: empty, damage: null };
  if (file.kind === "bad") return damaged(file.reason);
  const found = parseRepositories(file.bytes);
  return typeof found === "string" ? damaged(found) : { names: found.names, damage: null };
}
