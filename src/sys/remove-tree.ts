/** Removing what has a name, a whole directory too, however deep. */
import type { ByteString } from "../model/bytes.js";
import { AT_REMOVEDIR, unlinkAt } from "./at.js";
import { changeMode, changeModeAt } from "./attributes.js";
import { Descent } from "./descent.js";
import { EACCES, EISDIR, ENOENT, ENOTDIR, EPERM } from "./errno.js";
import { typedNamesOf } from "./read-names.js";

/** What could not be removed. */
export interface Remains {
  readonly errno: number;
  /** From the directory that the removal was to be done in. */
  readonly path: ByteString;
}

/**
 * Removes a name and everything below it; follows no symlink. Nothing there is no failure.
 * @param dir of an open directory, or AT_FDCWD
 * @param base a name in it; a path where that is AT_FDCWD
 * @returns null when it is gone
 */
export function removeTree(dir: number, base: ByteString): Remains | null {
  using removal = new Removal(dir);
  return removal.run(base);
}

/** A directory that is being emptied, and what is left to be removed in it. */
interface Level {
  readonly name: ByteString;
  readonly names: ByteString[];
}

class Removal implements Disposable {
  readonly #place: Descent;
  readonly #levels: Level[] = [];

  constructor(dir: number) {
    this.#place = new Descent(dir);
  }

  run(base: ByteString): Remains | null {
    let result = this.#remove(base);
    if (result < 0) return this.#remains(result, base);
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      const name = level.names.pop();
      result = name === undefined ? this.#leave(level) : this.#remove(name);
      if (result < 0) return this.#remains(result, name);
    }
    return null;
  }

  [Symbol.dispose](): void {
    this.#place[Symbol.dispose]();
  }

  /** What is no directory goes at once; a directory is entered. 0 or `-errno`. */
  #remove(name: ByteString): number {
    const removed = this.#try(() => unlinkAt(this.#place.fd, name));
    if (removed >= 0 || removed === -ENOENT) return 0;
    // POSIX says EPERM for a directory, Linux EISDIR.
    if (removed !== -EISDIR && removed !== -EPERM) return removed;
    const entered = this.#try(() => this.#place.down(name), name);
    if (entered < 0) return entered === -ENOTDIR ? removed : entered === -ENOENT ? 0 : entered;
    const names = typedNamesOf(this.#place.fd);
    if (typeof names === "number") return names;
    this.#levels.push({ name, names: names.map(([inner]) => inner) });
    return 0;
  }

  /** Out of an emptied directory, which goes. 0 or `-errno`. */
  #leave({ name }: Level): number {
    const left = this.#try(() => this.#place.up());
    if (left < 0) return left;
    const removed = this.#try(() => unlinkAt(this.#place.fd, name, AT_REMOVEDIR));
    if (removed < 0 && removed !== -ENOENT) return removed;
    this.#levels.pop();
    return 0;
  }

  /**
   * Without root's rights, a directory that its owner may not read or change has to be opened up first.
   * @param name of a directory that may be such a one, too
   */
  #try(act: () => number, name?: ByteString): number {
    const result = act();
    if (result !== -EACCES) return result;
    if (this.#place.depth > 0) changeMode(this.#place.fd, 0o700);
    if (name !== undefined) changeModeAt(this.#place.fd, name, 0o700);
    return act();
  }

  #remains(result: number, name: ByteString | undefined): Remains {
    const names = [...this.#levels.map((level) => level.name), ...(name === undefined ? [] : [name])];
    return { errno: -result, path: names.join("/") as ByteString };
  }
}
