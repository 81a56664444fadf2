/** What of a root is mounted, and whose it is. */
import { layerMounts } from "../driver/layer-mounts.js";
import type { CacheId } from "../model/digest.js";
import { familiarString } from "../model/reference.js";
import type { Store } from "../store/store.js";
import { readCatalog } from "../store/stored-image.js";

export interface ListedMount {
  readonly path: string;
  readonly kind: "container" | "image" | "layer";
  /** Of the container or image; of a layer that is neither its directory's name. */
  readonly id: string;
  /** Of a container; of an image its first name. Empty where it has none. */
  readonly name: string;
  readonly readOnly: boolean;
}

/** In the order in which they were mounted. */
export function listMounts(store: Store): ListedMount[] {
  const mounts = layerMounts(store.driver);
  if (mounts.length === 0) return [];
  const owners = ownersOf(store);
  return mounts.map(({ point, cacheId, readOnly }) => {
    const owner = owners.get(cacheId) ?? { kind: "layer", id: cacheId, name: "" };
    return { path: point, ...owner, readOnly };
  });
}

function ownersOf(store: Store): Map<CacheId, Pick<ListedMount, "kind" | "id" | "name">> {
  const owners = new Map<CacheId, Pick<ListedMount, "kind" | "id" | "name">>();
  for (const { id, layers } of readCatalog(store).images.values()) {
    const top = layers.at(-1);
    if (!top) continue;
    const [name] = store.repositories.of(id);
    owners.set(top.cacheId, { kind: "image", id, name: name === undefined ? "" : familiarString(name) });
  }
  for (const { id, name, mount } of store.users.containers) {
    if (mount?.mountId) owners.set(mount.mountId, { kind: "container", id, name });
  }
  return owners;
}
