/** Removing what nobody uses, as `docker image prune` of 20.10. */
import { OvlError } from "../errors.js";
import type { ImageId } from "../model/digest.js";
import { Removal } from "./removal.js";
import { flushed, type RemoveResult, removeById, removeByName } from "./remove.js";
import type { Store } from "./store.js";

export interface PruneOptions {
  /** Every image that no container uses, and not only those without a tag. */
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

export function pruneImages(store: Store, options: PruneOptions = {}): RemoveResult {
  const removal = new Removal(store, options.dryRun ?? false);
  const candidates = removal.ids().filter((id) => {
    if (!removal.hasChildren(id)) return true;
    return options.all === true && removal.references(id).length > 0;
  });
  flushed(removal, () => {
    for (const id of candidates) prune(removal, id, options.all === true);
  });
  return { records: removal.records, reclaimedBytes: removal.reclaimedBytes, failures: [] };
}

function prune(removal: Removal, id: ImageId, all: boolean): void {
  // An image may have gone with a child of it. dockerd takes all names but the last from an image in use.
  if (!removal.has(id) || removal.containers(id).length > 0) return;
  const references = removal.references(id);
  if (!all && references.some(({ tag }) => tag !== null)) return;
  if (references.length === 0) attempt(() => removeById(removal, id, false));
  for (const reference of references) {
    // The last tag takes the digests of its repository along.
    if (removal.references(id).includes(reference)) attempt(() => removeByName(removal, id, reference, false));
  }
}

/** What is of use to somebody stays, without a word. */
function attempt(remove: () => void): void {
  try {
    remove();
  } catch (thrown) {
    if (!(thrown instanceof OvlError) || thrown.code !== "IN_USE") throw thrown;
  }
}
