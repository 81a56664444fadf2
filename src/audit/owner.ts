/** Whose a path, an id or a line of some other tool's output is: an image's layer, a container's, or nobody's. */
import { OvlError } from "../errors.js";
import { type CacheId, type ChainId, type DiffId, hexOf, type ImageId, isCacheId } from "../model/digest.js";
import { familiarString, referenceOf, withDefaultTag } from "../model/reference.js";
import type { Store } from "../store/store.js";
import { FsckFiles } from "./fsck-files.js";
import { readPicture } from "./fsck-picture.js";
import { relate } from "./fsck-relations.js";
import { type Belonging, type NamedContainer, type NamedImage, OwnerIndex } from "./owner-index.js";
import { type Pointer, pointers } from "./owner-query.js";

export interface Owner {
  /** As it was asked. */
  readonly query: string;
  readonly kind: "image-layer" | "container" | "container-init" | "build-cache" | "orphan";
  /** null where the root does not say in which directory it lies. */
  readonly cacheId: CacheId | null;
  /** These two are null for a container's layers, and for what is in no layerdb entry. */
  readonly chainId: ChainId | null;
  readonly diffId: DiffId | null;
  /** ROOT/<driver>/<cacheId>, absolute. */
  readonly dir: string | null;
  /** Of a layer those that have it; of a container the one that it was made from. */
  readonly images: readonly NamedImage[];
  /** Of a layer those that stand on it; of a container itself, or nothing where nobody can say which it is. */
  readonly containers: readonly NamedContainer[];
}

/** Hex digits from which the beginning of an id is taken for one. */
const SHORTEST = 4;

export function ownerIndex(store: Store): OwnerIndex {
  const picture = readPicture(store.root, store.driver.name, store.daemonRunning, new FsckFiles());
  return new OwnerIndex(picture, relate(picture));
}

export interface Owners {
  readonly owners: readonly Owner[];
  /** The first query that nothing answers. */
  readonly missing: OvlError | null;
}

/**
 * In the order of the queries; an id or a name that means several directories has one answer for each.
 * Nothing is written. Throws PERMISSION where something may not be read.
 */
export function findOwners(store: Store, queries: readonly string[]): Owners {
  const index = ownerIndex(store);
  const finder = new Finder(store, index);
  let missing: OvlError | null = null;
  const owners: Owner[] = [];
  for (const query of queries) {
    const found = finder.find(query);
    owners.push(...found);
    if (found.length > 0 || missing !== null) continue;
    const message = `nothing in ${store.root} is or names ${query.length > 200 ? `${query.slice(0, 200)}…` : query}`;
    missing = new OvlError("NOT_FOUND", message, { query, root: store.root });
  }
  return { owners, missing };
}

class Finder {
  readonly #store: Store;
  readonly #index: OwnerIndex;

  constructor(store: Store, index: OwnerIndex) {
    this.#store = store;
    this.#index = index;
  }

  find(query: string): Owner[] {
    for (const pointer of pointers(query, this.#store.driver.name)) {
      const found = this.#at(pointer, query);
      if (found.length > 0) return found;
    }
    return [];
  }

  #at(pointer: Pointer, query: string): Owner[] {
    switch (pointer.at) {
      case "directory":
        return this.#directory(pointer.name, query);
      case "link":
        return this.#link(pointer.name, query);
      case "layer":
        return this.#layers((chainId) => hexOf(chainId) === pointer.hex, query);
      case "image":
        return this.#images((id) => hexOf(id) === pointer.hex, query);
      case "container":
        return this.#container(pointer.id, query);
      case "word":
        return this.#word(pointer.text, query);
    }
  }

  /** A whole id, then a name, then the beginning of an id; everything that it is, not only the first. */
  #word(text: string, query: string): Owner[] {
    const hex = text.replace(/^sha256:/, "");
    const whole = [...this.#directory(hex, query), ...this.#link(hex, query), ...this.#ids((id) => id === hex, query)];
    if (whole.length > 0) return distinct(whole);
    const named = this.#named(text, query);
    if (named.length > 0 || hex.length < SHORTEST) return named;
    const { picture } = this.#index;
    const directories = [...picture.directories.keys()].filter((cacheId) => cacheId.startsWith(hex));
    const links = [...picture.links.keys()].filter((link) => link.startsWith(hex));
    return distinct([
      ...directories.flatMap((cacheId) => this.#directory(cacheId, query)),
      ...links.flatMap((link) => this.#link(link, query)),
      ...this.#ids((id) => id.startsWith(hex), query),
    ]);
  }

  #ids(matches: (hex: string) => boolean, query: string): Owner[] {
    const { picture } = this.#index;
    const containers = [...new Set([...picture.mounts.keys(), ...picture.containers.keys()])].filter(matches);
    return [
      ...this.#layers(
        (chainId, diffId) => matches(hexOf(chainId)) || (diffId !== null && matches(hexOf(diffId))),
        query,
      ),
      ...containers.flatMap((id) => this.#container(id, query)),
      ...this.#images((id) => matches(hexOf(id)), query),
    ];
  }

  /** Of a container, or of an image. */
  #named(text: string, query: string): Owner[] {
    const { picture } = this.#index;
    const name = text.replace(/^\//, "");
    const named = [...picture.containers.keys()].filter((id) => this.#index.container(id).name === name);
    if (named.length > 0) return named.flatMap((id) => this.#container(id, query));
    const reference = familiar(text);
    if (reference === null) return [];
    return this.#images((id) => this.#index.image(id).names.includes(reference), query);
  }

  #link(link: string, query: string): Owner[] {
    const cacheId = this.#index.relations.places.byLink(link);
    return cacheId === null ? [] : this.#directory(cacheId, query);
  }

  #layers(matches: (chainId: ChainId, diffId: DiffId | null) => boolean, query: string): Owner[] {
    const { picture, relations } = this.#index;
    const known = new Set([...picture.layers.keys(), ...relations.truth.keys()]);
    return [...known]
      .filter((chainId) => matches(chainId, this.#index.diffId(chainId)))
      .map((chainId) => this.#layer(chainId, query));
  }

  /** Every layer of the images, bottom to top. */
  #images(matches: (id: ImageId) => boolean, query: string): Owner[] {
    const images = [...this.#index.picture.images.values()].filter(({ id }) => matches(id));
    const chains = new Set(images.flatMap(({ chain }) => chain));
    return [...chains].map((chainId) => this.#layer(chainId, query));
  }

  #container(id: string, query: string): Owner[] {
    const { picture } = this.#index;
    const directories = this.#index.directoriesOf(id);
    if (directories.length > 0) return directories.flatMap((cacheId) => this.#directory(cacheId, query));
    if (!picture.containers.has(id) && !picture.mounts.has(id)) return [];
    return [this.#ofContainer(id, "container", null, query)];
  }

  /** Nothing for a name that is no directory's and that nothing in the root names. */
  #directory(name: string, query: string): Owner[] {
    if (!isCacheId(name)) return [];
    const { picture, relations } = this.#index;
    if (!picture.directories.has(name) && !relations.users.has(name)) return [];
    return this.#index.of(name).map((belonging) => this.#belonging(name, belonging, query));
  }

  #belonging(cacheId: CacheId, belonging: Belonging, query: string): Owner {
    const { kind } = belonging;
    switch (kind) {
      case "image-layer":
        if (belonging.chainId !== null) return this.#layer(belonging.chainId, query, cacheId);
        break;
      case "container":
      case "container-init":
        return this.#ofContainer(belonging.containerId, kind, cacheId, query);
      case "build-cache":
      case "orphan":
        break;
    }
    const nobody = { chainId: null, diffId: null, dir: this.#dir(cacheId), images: [], containers: [] };
    return { query, kind, cacheId, ...nobody };
  }

  #layer(chainId: ChainId, query: string, cacheId: CacheId | null = this.#placeOf(chainId)): Owner {
    return {
      query,
      kind: "image-layer",
      cacheId,
      chainId,
      diffId: this.#index.diffId(chainId),
      dir: this.#dir(cacheId),
      images: this.#index.imagesOn(chainId),
      containers: this.#index.containersOn(chainId),
    };
  }

  #ofContainer(id: string | null, kind: "container" | "container-init", cacheId: CacheId | null, query: string): Owner {
    const images = id === null ? [] : this.#index.imageOf(id);
    const containers = id === null ? [] : [this.#index.container(id)];
    return { query, kind, cacheId, chainId: null, diffId: null, dir: this.#dir(cacheId), images, containers };
  }

  #placeOf(chainId: ChainId): CacheId | null {
    const stated = this.#index.picture.layers.get(chainId)?.cacheId;
    return this.#index.relations.places.of(chainId) ?? (stated?.state === "valid" ? stated.value : null);
  }

  #dir(cacheId: CacheId | null): string | null {
    return cacheId === null ? null : this.#store.driver.dir(cacheId);
  }
}

/** A name as the root spells it; null for what can be none. */
function familiar(text: string): string | null {
  const reference = referenceOf(text);
  return reference === null ? null : familiarString(withDefaultTag(reference));
}

/** By directory and owner: several readings of one word lead to the same place. */
function distinct(owners: readonly Owner[]): Owner[] {
  const key = ({ cacheId, chainId, containers }: Owner) => `${cacheId} ${chainId} ${containers[0]?.id}`;
  return [...new Map(owners.map((owner) => [key(owner), owner])).values()];
}
