/** Giving an image one more name, as `docker tag`. */
import { OvlError } from "../errors.js";
import type { ImageId } from "../model/digest.js";
import { familiarString, parseReference, whyNotATag, withDefaultTag } from "../model/reference.js";
import { now } from "../model/time.js";
import type { Store } from "./store.js";
import { takeBack } from "./undo.js";

/** @returns the name as it is stored. Throws USAGE for what cannot be a tag. */
export function tagImage(store: Store, id: ImageId, name: string): string {
  const tag = tagOf(name);
  // First what shows nowhere without the name, so that a failure leaves no name behind.
  const before = store.images.lastUpdated(id);
  try {
    store.images.setLastUpdated(id, now());
    store.repositories.update((names) => names.tag(tag, id));
    return tag;
  } catch (error) {
    takeBack([() => store.images.restoreLastUpdated(id, before)]);
    throw error;
  }
}

/** The familiar form that a name is stored in. Throws USAGE for what cannot be a tag. */
export function tagOf(name: string): string {
  const reference = withDefaultTag(parseReference(name));
  const why = whyNotATag(reference);
  if (why !== null) throw new OvlError("USAGE", `cannot tag ${JSON.stringify(name)}: ${why}`, { reference: name });
  return familiarString(reference);
}
