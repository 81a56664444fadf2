/** How much of a disk a tree takes: blocks, each inode once. Nothing is followed or opened for its content. */
import { constants } from "node:fs";
import { type ByteString, byteStringOf } from "../model/bytes.js";
import { AT_FDCWD, close, O_PATH, openAt } from "../sys/at.js";
import { namesAt } from "../sys/read-names.js";
import { isDirectory, statAt } from "../sys/stat.js";

const O_PATH_DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Bytes; 0 for what cannot be read. */
export function diskUse(path: string): number {
  const frames = [open(AT_FDCWD, byteStringOf(path))].filter((frame) => frame !== null);
  const seen = new Set<string>();
  let bytes = 0;
  // No recursion: a container may have made directories as deep as it liked.
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const name = frame.names.pop();
    if (name === undefined) {
      close(frame.fd);
      frames.pop();
      continue;
    }
    const stat = statAt(frame.fd, name);
    if (typeof stat === "number") continue;
    if (isDirectory(stat)) {
      bytes += stat.size;
      const inner = open(frame.fd, name);
      if (inner !== null) frames.push(inner);
    } else if (stat.nlink < 2 || !seen.has(stat.identity)) {
      if (stat.nlink > 1) seen.add(stat.identity);
      bytes += stat.blocks * 512;
    }
  }
  return bytes;
}

/** null for what cannot be read. */
function open(dir: number, name: ByteString): { readonly fd: number; readonly names: ByteString[] } | null {
  const fd = openAt(dir, name, O_PATH_DIRECTORY);
  if (fd < 0) return null;
  const names = namesAt(fd);
  if (typeof names !== "number") return { fd, names };
  close(fd);
  return null;
}
