/** What entries the layers of a stored image have, by what tar-split kept of them: no file of a layer is opened. */
import { OvlError } from "../errors.js";
import type { ListedEntry } from "../layer/job.js";
import { Listing } from "../layer/list.js";
import { openSplit } from "../layer/split-file.js";
import type { ImageId } from "../model/digest.js";
import type { Store } from "../store/store.js";
import { missingLayer, readImage } from "../store/stored-image.js";
import type { StoreWarning } from "../store/warning.js";
import { TarReader } from "../tar/reader.js";
import { decodeSplit } from "../tar-split/decode.js";
import { HeaderSource } from "../tar-split/header-source.js";

export interface StoredListing {
  /** Bottom to top; empty for a layer that the root has lost. */
  readonly layers: readonly (readonly ListedEntry[])[];
  readonly warnings: readonly StoreWarning[];
}

/** Throws as `readImage` does. */
export function listStored(store: Store, id: ImageId): StoredListing {
  const image = readImage(store, id);
  const warnings: StoreWarning[] = [];
  const missing = missingLayer(store, image);
  if (missing !== null) warnings.push({ code: "BAD_IMAGE", subject: id, message: missing });
  const layers = image.layers.map((layer) => {
    if (layer === null) return [];
    try {
      return listSplit(store.layers.tarSplitPath(layer.chainId));
    } catch (thrown) {
      if (!(thrown instanceof OvlError)) throw thrown;
      const message = `layer ${layer.chainId} is counted as empty: ${thrown.message}`;
      warnings.push({ code: "BAD_LAYER", subject: layer.chainId, message });
      return [];
    }
  });
  return { layers, warnings };
}

/** Throws BAD_ROOT, BAD_TAR, DUPLICATE_PATH, IO. */
function listSplit(path: string): ListedEntry[] {
  using split = openSplit(path);
  const source = new HeaderSource(decodeSplit(split, path));
  const tar = new TarReader(source);
  const listing = new Listing();
  for (let entry = tar.next(); entry !== null; entry = tar.next()) {
    // The reference to content comes behind the header.
    tar.skipPayload();
    const hasContent = entry.type === "file" && entry.size > 0;
    listing.add(entry, hasContent ? (source.file?.crc64 ?? null) : null);
  }
  return listing.entries;
}
