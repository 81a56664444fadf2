/** How long the tar of a stored layer is, before it is put together again: a tar header says it first. */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { fileSource } from "../blob/file-source.js";
import { asOvlError } from "../errors.js";
import { decodeSplit } from "../tar-split/decode.js";
import type { Layer } from "./layerdb.js";
import type { Store } from "./store.js";

/** Bytes: of the raw segments in tar-split, and of the files it refers to. Throws BAD_ROOT where it cannot be read. */
export function tarSize(store: Store, { chainId }: Layer): number {
  const path = store.layers.tarSplitPath(chainId);
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw asOvlError(error);
  }
  try {
    let size = 0;
    for (const entry of decodeSplit(fileSource({ fd, offset: 0, size: fstatSync(fd).size }), path)) {
      size += entry.type === "file" ? entry.size : entry.payload.length;
    }
    return size;
  } finally {
    closeSync(fd);
  }
}
