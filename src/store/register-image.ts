/** One image made here, registered: its layer is in the store, then its config, then its name. */
import { type ImageId, imageIdOf } from "../model/digest.js";
import { now } from "../model/time.js";
import type { Store } from "./store.js";
import { takeBack } from "./undo.js";

/** @param undo takes back what was registered before; all of it goes again where this fails */
export function registerImage(
  store: Store,
  config: Buffer,
  parent: ImageId | null,
  name: string | null,
  undo: (() => void)[],
): ImageId {
  const id = imageIdOf(config);
  try {
    if (!store.images.has(id)) undo.push(() => store.images.delete(id));
    store.images.put(config, parent);
    if (name !== null) {
      store.images.setLastUpdated(id, now());
      store.repositories.update((names) => names.tag(name, id));
    }
    return id;
  } catch (error) {
    takeBack(undo);
    throw error;
  }
}
