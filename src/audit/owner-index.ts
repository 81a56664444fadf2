/** Whose each directory below ROOT/<driver> is, and which images and containers stand on a layer. */
import type { CacheId, ChainId, DiffId, ImageId } from "../model/digest.js";
import { isInit, ownerOf } from "../model/mount-id.js";
import { familiarString } from "../model/reference.js";
import { unfinishedDirectories } from "./checks/leftovers.js";
import type { Picture } from "./fsck-picture.js";
import type { Relations } from "./fsck-relations.js";
import { push } from "./multimap.js";

/** What a directory is to the root. */
export type Belonging =
  | { readonly kind: "image-layer"; readonly chainId: ChainId; readonly diffId: DiffId | null }
  /** In no layerdb entry and yet no orphan: a pull is making it, or it may be what a damaged entry has lost. */
  | { readonly kind: "image-layer"; readonly chainId: null }
  /** null: of a container whose entry is lost, and nobody can say of which. */
  | { readonly kind: "container" | "container-init"; readonly containerId: string | null }
  /** BuildKit's own, which only its databases name. */
  | { readonly kind: "build-cache" }
  | { readonly kind: "orphan" };

export interface NamedImage {
  readonly id: ImageId;
  readonly names: readonly string[];
}

export interface NamedContainer {
  readonly id: string;
  /** Without the slash that docker stores; empty where it has none. */
  readonly name: string;
}

export class OwnerIndex {
  readonly picture: Picture;
  readonly relations: Relations;
  readonly #names: ReadonlyMap<string, readonly string[]>;
  /** These two are made when they are first asked for. */
  #images: ReadonlyMap<ChainId, readonly ImageId[]> | null = null;
  #containers: ReadonlyMap<ChainId, readonly string[]> | null = null;
  /** Layers whose `cache-id` is lost, by the directory that they must have had. */
  readonly #found = new Map<CacheId, ChainId[]>();
  /** Read-write layers that lost containers may have. */
  readonly #claimedByContainers: ReadonlySet<CacheId>;
  readonly #unfinished: ReadonlySet<CacheId>;
  readonly #known = new Map<CacheId, readonly Belonging[]>();

  constructor(picture: Picture, relations: Relations) {
    this.picture = picture;
    this.relations = relations;
    this.#names = namesOf(picture);
    this.#unfinished = unfinishedDirectories(picture);
    const { places } = relations;
    for (const chainId of places.lost.keys()) {
      const cacheId = places.of(chainId);
      if (cacheId !== null) push(this.#found, cacheId, chainId);
    }
    this.#claimedByContainers = new Set([...places.lostContainers.values()].flat());
  }

  /** Never empty; several where damage has given one directory to several. */
  of(cacheId: CacheId): readonly Belonging[] {
    const known = this.#known.get(cacheId);
    if (known !== undefined) return known;
    const found = this.#find(cacheId);
    this.#known.set(cacheId, found);
    return found;
  }

  #find(cacheId: CacheId): readonly Belonging[] {
    const { users, places, buildKit } = this.relations;
    const layers = (users.get(cacheId) ?? []).filter((user) => user.startsWith("sha256:")) as ChainId[];
    const owners = layers.filter((chainId) => !places.disputed.has(chainId));
    const found: Belonging[] = [...new Set([...owners, ...(this.#found.get(cacheId) ?? [])])].map((chainId) => ({
      kind: "image-layer",
      chainId,
      diffId: this.diffId(chainId),
    }));
    found.push(...this.#containersAt(cacheId));
    if (found.length > 0) return found;
    if (this.#unfinished.has(cacheId) && this.picture.daemonRuns) return [UNNAMED];
    if (buildKit.mayOwn(cacheId)) return [{ kind: "build-cache" }];
    if (places.claimed.has(cacheId)) return [UNNAMED];
    return [{ kind: "orphan" }];
  }

  diffId(chainId: ChainId): DiffId | null {
    const diff = this.picture.layers.get(chainId)?.diff;
    return this.relations.truth.get(chainId)?.diffId ?? (diff?.state === "valid" ? diff.value : null);
  }

  /** Images that have this layer, at whatever height. */
  imagesOn(chainId: ChainId): NamedImage[] {
    this.#images ??= imagesByLayer(this.picture);
    return (this.#images.get(chainId) ?? []).map((id) => this.image(id));
  }

  /** Containers whose image has this layer. */
  containersOn(chainId: ChainId): NamedContainer[] {
    this.#containers ??= this.#containersByLayer();
    return (this.#containers.get(chainId) ?? []).map((id) => this.container(id));
  }

  image(id: ImageId): NamedImage {
    return { id, names: this.#names.get(id) ?? [] };
  }

  container(id: string): NamedContainer {
    const name = this.picture.containers.get(id)?.config?.["Name"];
    return { id, name: typeof name === "string" ? name.replace(/^\//, "") : "" };
  }

  /** The image that a container was made from, as its config says, or else any that ends in its layer. */
  imageOf(containerId: string): NamedImage[] {
    const named = this.picture.containers.get(containerId)?.imageId ?? null;
    if (named !== null) return [this.image(named)];
    const parent = this.picture.mounts.get(containerId)?.parent;
    if (parent?.state !== "valid") return [];
    return (this.relations.imagesOn.get(parent.value) ?? []).map((id) => this.image(id));
  }

  /** The directories of a container's own layers: read-write, then init. Of the overlay driver too. */
  directoriesOf(containerId: string): CacheId[] {
    const mount = this.picture.mounts.get(containerId);
    const ids = [mount?.mountId, mount?.initId].flatMap((field) => (field?.state === "valid" ? [field.value] : []));
    if (ids.length > 0) return ids;
    const { lostContainers, containerIn } = this.relations.places;
    return (lostContainers.get(containerId) ?? []).filter((id) => containerIn.get(id) === containerId);
  }

  #containersAt(cacheId: CacheId): Belonging[] {
    const kind = isInit(cacheId) ? "container-init" : "container";
    const owner = ownerOf(cacheId) ?? cacheId;
    // Where `init-id` is lost, the name still tells whose it is.
    const users = [...new Set([cacheId, owner])].flatMap((id) => this.relations.users.get(id) ?? []);
    const known = users.filter((user) => !user.startsWith("sha256:"));
    const found = this.relations.places.containerIn.get(owner);
    const ids = [...known, ...(found === undefined ? [] : [found])];
    if (ids.length === 0 && this.#claimedByContainers.has(owner)) return [{ kind, containerId: null }];
    return [...new Set(ids)].map((containerId) => ({ kind, containerId }));
  }

  #containersByLayer(): Map<ChainId, string[]> {
    const byLayer = new Map<ChainId, string[]>();
    for (const { containerId, parent } of this.picture.mounts.values()) {
      if (parent.state !== "valid") continue;
      for (const chainId of this.#downFrom(parent.value)) push(byLayer, chainId, containerId);
    }
    return byLayer;
  }

  /** A layer and those below it; a ring ends where it closes. */
  #downFrom(chainId: ChainId): Set<ChainId> {
    const seen = new Set<ChainId>();
    for (let id: ChainId | null = chainId; id !== null && !seen.has(id); id = this.relations.parentOf(id)) seen.add(id);
    return seen;
  }
}

const UNNAMED: Belonging = { kind: "image-layer", chainId: null };

function imagesByLayer({ images }: Picture): Map<ChainId, ImageId[]> {
  const byLayer = new Map<ChainId, ImageId[]>();
  for (const { id, chain } of images.values()) for (const chainId of chain) push(byLayer, chainId, id);
  return byLayer;
}

function namesOf({ names }: Picture): Map<string, string[]> {
  const byImage = new Map<string, string[]>();
  for (const { reference, imageId } of names.names) {
    if (reference !== null) push(byImage, imageId, familiarString(reference));
  }
  for (const list of byImage.values()) list.sort();
  return byImage;
}
