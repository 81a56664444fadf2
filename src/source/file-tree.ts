/** The named files that an image is made of, below a directory or inside an archive. */
import { readSync } from "node:fs";
import type { FileRange } from "../blob/byte-source.js";
import { asOvlError, type ErrorCode, OvlError } from "../errors.js";

export interface FileTree extends Disposable {
  /** What the files are in, as the user named it; for messages. */
  readonly location: string;
  /**
   * Where the bytes of a regular file are; null where nothing has that name.
   * The descriptor is the tree's and stays open until the tree is disposed.
   * Throws PATH_ESCAPE for a path that leaves the tree, BAD_ARCHIVE for one that is no regular file.
   */
  find(path: string): FileRange | null;
}

export interface ReadLimits {
  /** What the file is, for messages. */
  readonly subject: string;
  readonly maxBytes: number;
  /** Code where it is larger than that. */
  readonly code: ErrorCode;
}

/** The bytes of a small file. Throws BAD_ARCHIVE where there is none. */
export function readFile(tree: FileTree, path: string, limits: ReadLimits): Buffer {
  const range = tree.find(path);
  if (range === null) {
    throw new OvlError("BAD_ARCHIVE", `${limits.subject} is missing: ${tree.location} has no file ${show(path)}`, {
      path,
    });
  }
  return readRange(range, limits);
}

/** All bytes of a range that must be small. */
export function readRange({ fd, offset, size }: FileRange, { subject, maxBytes, code }: ReadLimits): Buffer {
  if (size > maxBytes) {
    throw new OvlError(code, `${subject} is ${size} bytes; at most ${maxBytes} are read`, { size, limit: maxBytes });
  }
  const bytes = Buffer.allocUnsafeSlow(size);
  const length = readFully(fd, bytes, offset);
  if (length < size) {
    throw new OvlError("BAD_ARCHIVE", `${subject} ends after ${length} of ${size} bytes`, {
      expected: size,
      actual: length,
    });
  }
  return bytes;
}

/** Fills the buffer from a position; returns how much there was before the file's end. */
export function readFully(fd: number, into: Uint8Array, position: number): number {
  let filled = 0;
  try {
    while (filled < into.length) {
      const length = readSync(fd, into, filled, into.length - filled, position + filled);
      if (length === 0) break;
      filled += length;
    }
  } catch (error) {
    throw asOvlError(error);
  }
  return filled;
}

/** Text of an archive for messages: quoted, with control characters escaped. */
export function show(text: string): string {
  return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text).replace(
    /[\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
