/** What a root notes of a push, as dockerd does: only hints, but they spare the next push the work. */
import { familiarString, fullName, type Reference } from "../model/reference.js";
import { recordHmac } from "./account.js";
import { isSame } from "./distribution.js";
import type { PushResult } from "./push.js";
import type { Store } from "./store.js";

/** @param store opened for writing */
export function notePush(store: Store, reference: Reference, { id, digest, layers, account, stale }: PushResult): void {
  const { distribution } = store;
  for (const { diffId, record } of stale) distribution.remove(diffId, record);
  for (const { diffId, digest, status } of layers) {
    const blob = { digest, repository: fullName(reference) };
    const record = { ...blob, hmac: recordHmac(account, blob) };
    // A blob that was found where it was noted to be is no news.
    if (status === "exists" && distribution.blobsOf(diffId).some((known) => isSame(known, record))) continue;
    distribution.add(diffId, record);
  }
  const name: Reference = { ...reference, tag: null, digest };
  if (store.repositories.get(name) !== null || !store.images.has(id)) return;
  store.repositories.update((names) => names.tag(familiarString(name), id));
}
