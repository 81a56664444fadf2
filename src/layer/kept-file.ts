/** Bytes set aside on disk while a layer is applied, without a name that could stay behind. */
import { constants, readSync } from "node:fs";
import type { ByteSource } from "../blob/byte-source.js";
import type { ByteString } from "../model/bytes.js";
import { close, openAt, unlinkAt } from "../sys/at.js";
import { must } from "../sys/errno.js";
import { writeAll } from "../sys/write.js";

const NEW = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const CHUNK = 64 * 1024;

let made = 0;

export class KeptFile implements Disposable {
  readonly #fd: number;

  /** @param dir an open directory on the filesystem to use */
  constructor(dir: number) {
    const name = `.ovl-kept-${process.pid}-${made++}` as ByteString;
    this.#fd = must(openAt(dir, name, NEW, 0o600), "set a file of the layer aside");
    must(unlinkAt(dir, name), "set a file of the layer aside");
  }

  /** 0 or `-errno`. */
  append(bytes: Uint8Array): number {
    return writeAll(this.#fd, bytes);
  }

  /** From the start, as often as is asked for. */
  content(): ByteSource {
    const chunk = Buffer.alloc(CHUNK);
    let at = 0;
    return {
      read: () => {
        const length = readSync(this.#fd, chunk, 0, CHUNK, at);
        at += length;
        return length === 0 ? null : chunk.subarray(0, length);
      },
    };
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }
}
