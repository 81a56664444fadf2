/** What a root notes of a push, as dockerd does: only hints, but they spare the next push the work. */
import { familiarString, fullName, type Reference } from "../model/reference.js";
import type { PushResult } from "./push.js";
import type { Store } from "./store.js";

/** @param store opened for writing */
export function notePush(store: Store, reference: Reference, { id, digest, layers }: PushResult): void {
  const repository = fullName(reference);
  for (const layer of layers) {
    const { diffId, digest } = layer;
    const known = store.distribution.blobsOf(diffId).at(-1);
    if (known?.digest === digest && known.repository === repository) continue;
    store.distribution.add(diffId, { digest, repository, hmac: "" });
  }
  const name: Reference = { ...reference, tag: null, digest };
  if (store.repositories.get(name) !== null || !store.images.has(id)) return;
  store.repositories.update((names) => names.tag(familiarString(name), id));
}
