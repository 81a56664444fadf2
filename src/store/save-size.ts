/** How long the tar of a stored layer is, before it is put together again: its header in an archive says it first. */
import { openSplit } from "../layer/split-file.js";
import { decodeSplit } from "../tar-split/decode.js";
import type { Layer } from "./layerdb.js";
import type { Store } from "./store.js";

/**
 * Bytes: of the raw segments in tar-split, and of the files it refers to, as it says; whether it says right only the
 * writing shows. Throws BAD_ROOT where it cannot be read.
 */
export function tarSize(store: Store, { chainId }: Layer): number {
  const path = store.layers.tarSplitPath(chainId);
  using split = openSplit(path);
  let size = 0;
  for (const entry of decodeSplit(split, path)) size += entry.type === "file" ? entry.size : entry.payload.length;
  return size;
}
