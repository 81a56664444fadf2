/** A way through a tree of directories, down by names and up again, with one of them open however deep it is. */
import { constants } from "node:fs";
import type { ByteString } from "../model/bytes.js";
import { close } from "./at.js";
import { ESTALE } from "./errno.js";
import { openQuietlyAt } from "./read-names.js";
import { statOf } from "./stat.js";

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;
const UP = ".." as ByteString;

export class Descent implements Disposable {
  readonly #top: number;
  /** Of the directories from below the top down to where it is. */
  readonly #identities: string[] = [];
  #fd: number;

  /** @param top stays the caller's; AT_FDCWD, too */
  constructor(top: number) {
    this.#top = top;
    this.#fd = top;
  }

  /** The directory that it is in, open for reading but for the top. Good until it moves. */
  get fd(): number {
    return this.#fd;
  }

  /** How many directories it is below the top. */
  get depth(): number {
    return this.#identities.length;
  }

  /** Into a directory; through no symlink. 0 or `-errno`, and then it has not moved. */
  down(name: ByteString): number {
    const fd = openQuietlyAt(this.#fd, name, DIRECTORY);
    if (fd < 0) return fd;
    const stat = statOf(fd);
    if (typeof stat === "number") {
      close(fd);
      return stat;
    }
    this.#identities.push(stat.identity);
    this.#move(fd);
    return 0;
  }

  /** Back to where it came from: -ESTALE where the directory has been moved elsewhere meanwhile. 0 or `-errno`. */
  up(): number {
    const above = this.#identities.at(-2);
    const fd = above === undefined ? this.#top : openQuietlyAt(this.#fd, UP, DIRECTORY);
    if (above !== undefined) {
      if (fd < 0) return fd;
      const stat = statOf(fd);
      if (typeof stat === "number" || stat.identity !== above) {
        close(fd);
        return typeof stat === "number" ? stat : -ESTALE;
      }
    }
    this.#identities.pop();
    this.#move(fd);
    return 0;
  }

  [Symbol.dispose](): void {
    this.#move(this.#top);
  }

  #move(fd: number): void {
    if (this.#fd !== this.#top) close(this.#fd);
    this.#fd = fd;
  }
}
