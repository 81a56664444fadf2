/** Images made visible: their layers are in the store, now their configs and their names come. */
import { type ImageId, imageIdOf } from "../model/digest.js";
import type { Reference } from "../model/reference.js";
import { now } from "../model/time.js";
import { markImages } from "./image-marks.js";
import type { KeptNames, NameChanges } from "./repositories.js";
import type { Store } from "./store.js";
import { takeBack } from "./undo.js";

/** Names in the order in which they are given; of two that are the same the later one counts. */
export type Naming = readonly (readonly [name: string | Reference, id: ImageId])[];

/**
 * dockerd sees an image from the moment that its config is there. So a name that leads to no image is given before, and
 * the image appears with it; a name that another image has goes on leading there until the new image is
 * there to take it.
 * @param ids of the images that `show` puts the configs of
 * @param undo what takes back what was registered before; all of it is done where this fails
 */
export function showNamed(
  store: Store,
  ids: readonly ImageId[],
  naming: Naming,
  show: () => void,
  undo: (() => void)[],
): void {
  const { repositories } = store;
  const free = naming.filter(([name]) => isFree(store, name));
  let [marks, before]: [Disposable | null, KeptNames | null] = [null, null];
  try {
    marks = markImages(store.layers.path, ids);
    if (free.length > 0) {
      const names = repositories.keep();
      before = names;
      undo.unshift(() => names.restore());
      repositories.update((names) => give(names, free));
    }
    show();
    repositories.update((names) => give(names, naming));
  } catch (error) {
    takeBack(undo);
    throw error;
  } finally {
    before?.[Symbol.dispose]();
    marks?.[Symbol.dispose]();
  }
}

/** One image made here, with its name. */
export function registerImage(
  store: Store,
  config: Buffer,
  parent: ImageId | null,
  name: string | null,
  undo: (() => void)[],
): ImageId {
  const id = imageIdOf(config);
  const show = () => {
    if (!store.images.has(id)) undo.push(() => store.images.delete(id));
    store.images.put(config, parent, name === null ? null : now());
  };
  showNamed(store, [id], name === null ? [] : [[name, id]], show, undo);
  return id;
}

function isFree(store: Store, name: string | Reference): boolean {
  const holder = store.repositories.holder(name);
  return holder === null || !store.images.has(holder as ImageId);
}

function give(names: NameChanges, naming: Naming): void {
  for (const [name, id] of naming) names.tag(name, id);
}
