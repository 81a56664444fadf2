/** The bytes that a layer's `size` file should tell. dockerd has two rules for that. */
import { constants } from "node:fs";
import type { Driver } from "../driver/driver.js";
import { sizeOfTree } from "../layer/apply-size.js";
import { openSplit } from "../layer/split-file.js";
import { byteStringOf } from "../model/bytes.js";
import type { CacheId } from "../model/digest.js";
import { AT_FDCWD, close, O_PATH, openAt } from "../sys/at.js";
import { must } from "../sys/errno.js";
import { decodeSplit } from "../tar-split/decode.js";
import { isBuildKits } from "./buildkit.js";

/** Files on disk; of layers that BuildKit made, and of the overlay driver, what tar-split has. */
export function countSize(driver: Driver, cacheId: CacheId, tarSplit: string): number {
  return driver.name === "overlay" || isBuildKits(cacheId)
    ? sizeInSplit(tarSplit)
    : sizeOnDisk(driver.contentDir(cacheId));
}

export function sizeOnDisk(path: string): number {
  const flags = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  const fd = must(openAt(AT_FDCWD, byteStringOf(path), flags), `open ${path}`, { path });
  try {
    return sizeOfTree(fd);
  } finally {
    close(fd);
  }
}

export function sizeInSplit(path: string): number {
  using split = openSplit(path);
  let size = 0;
  for (const entry of decodeSplit(split, path)) if (entry.type === "file") size += entry.size;
  return size;
}
