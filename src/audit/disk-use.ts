/** How much of a disk a tree takes: blocks, each inode once. Nothing is followed or opened for its content. */
import { constants } from "node:fs";
import { byteStringOf } from "../model/bytes.js";
import { AT_FDCWD, close, openAt } from "../sys/at.js";
import { namesAt } from "../sys/read-names.js";
import { isDirectory, statAt } from "../sys/stat.js";

const O_PATH_DIRECTORY = 0o10000000 | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Bytes; 0 for what cannot be read. */
export function diskUse(path: string): number {
  const fd = openAt(AT_FDCWD, byteStringOf(path), O_PATH_DIRECTORY);
  if (fd < 0) return 0;
  try {
    return below(fd, new Set());
  } finally {
    close(fd);
  }
}

function below(dir: number, seen: Set<string>): number {
  const names = namesAt(dir);
  if (typeof names === "number") return 0;
  let bytes = 0;
  for (const name of names) {
    const stat = statAt(dir, name);
    if (typeof stat === "number") continue;
    if (isDirectory(stat)) {
      bytes += stat.size;
      const fd = openAt(dir, name, O_PATH_DIRECTORY);
      if (fd < 0) continue;
      try {
        bytes += below(fd, seen);
      } finally {
        close(fd);
      }
    } else if (stat.nlink < 2 || !seen.has(stat.identity)) {
      if (stat.nlink > 1) seen.add(stat.identity);
      bytes += stat.blocks * 512;
    }
  }
  return bytes;
}
