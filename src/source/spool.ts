/**
 * Bytes that cannot be read by position (a pipe, a compressed archive) put into one temporary file without a name:
 * the kernel takes it back whatever happens to this process.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { ByteSource, FileRange } from "../blob/byte-source.js";
import { detectCompression } from "../blob/compression.js";
import { fileSource } from "../blob/file-source.js";
import { ByteLimit } from "../blob/limit.js";
import { asOvlError, errnoOf, type OvlError, osError } from "../errors.js";
import { workspace } from "../sys/workspace.js";
import { readFully } from "./file-tree.js";
import { PipeSource } from "./pipe-source.js";

export interface OwnedFile extends Disposable {
  readonly range: FileRange;
}

/**
 * The archive behind a descriptor, plain and seekable: the very file where it is that already, else a decompressed
 * copy of it, read to its end.
 * @param offset where the archive starts in a regular file
 * @param maxBytes that a copy may have
 * @param close gives the descriptor back, as soon as it is not needed any more
 * Throws BAD_ARCHIVE for damaged compression and for what is too large, UNSUPPORTED_MEDIA_TYPE for bzip2
 * and xz, NO_SPACE, IO.
 */
export async function seekable(
  fd: number,
  offset: number,
  subject: string,
  maxBytes: number,
  close: () => void,
): Promise<OwnedFile> {
  let isKept = false;
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) {
      const pipe = new PipeSource(fd);
      return await spooled(pipe, () => pipe.ready(), subject, maxBytes);
    }
    const range = { fd, offset, size: Math.max(0, stat.size - offset) };
    const first = Buffer.alloc(8);
    const compression = detectCompression(first.subarray(0, readFully(fd, first, offset)));
    if (compression !== "none") return await spooled(fileSource(range), async () => {}, subject, maxBytes);
    isKept = true;
    return { range, [Symbol.dispose]: close };
  } catch (error) {
    throw asOvlError(error);
  } finally {
    if (!isKept) close();
  }
}

/** Decompressed bytes written between two looks at the event loop: signals are answered within milliseconds. */
const BURST_BYTES = 4 * 1024 * 1024;

/** @param ready resolves when the next read of `input` will most likely not block */
async function spooled(
  input: ByteSource,
  ready: () => Promise<void>,
  subject: string,
  maxBytes: number,
): Promise<OwnedFile> {
  const limit = new ByteLimit(maxBytes, subject, "BAD_ARCHIVE");
  const directory = workspace();
  const fd = temporaryFile(directory);
  let size = 0;
  try {
    const { decompress } = await import("../blob/decompress.js");
    using plain = decompress(input, subject);
    for (let burst = BURST_BYTES; ; ) {
      await ready();
      const bytes = plain.read();
      if (bytes === null) return { range: { fd, offset: 0, size }, [Symbol.dispose]: () => closeSync(fd) };
      limit.add(bytes.length);
      append(fd, bytes, directory);
      size += bytes.length;
      burst -= bytes.length;
      if (burst > 0) continue;
      await setImmediate();
      burst = BURST_BYTES;
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function temporaryFile(directory: string): number {
  const path = join(directory, `ovl-${randomBytes(12).toString("hex")}`);
  try {
    const fd = openSync(path, "wx+", 0o600);
    unlinkSync(path);
    return fd;
  } catch (error) {
    throw refused(error, directory);
  }
}

function append(fd: number, bytes: Uint8Array, directory: string): void {
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
  } catch (error) {
    throw refused(error, directory);
  }
}

function refused(error: unknown, directory: string): OvlError {
  const doing = `write a temporary copy of the archive in ${directory} (TMPDIR names another place)`;
  return osError(errnoOf(error), doing, { path: directory }, error);
}
