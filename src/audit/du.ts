/**
 * Where the disk that a root takes has gone: every directory below ROOT/<driver> has one owner, so that the parts add
 * up to what `du -sx ROOT/<driver>` says.
 */
import { join } from "node:path";
import type { CacheId, ChainId, ImageId } from "../model/digest.js";
import type { Store } from "../store/store.js";
import { DiskWalk, NOTHING, type Use } from "./du-walk.js";
import { depthOf } from "./fsck-places.js";
import { ownerIndex } from "./owner.js";
import type { OwnerIndex } from "./owner-index.js";

export interface ImageUse {
  readonly id: ImageId;
  readonly names: readonly string[];
  /** Bytes of all its layers' directories. */
  readonly size: number;
  /** Bytes of those that no other image has: what removing it frees, unless a container stands on them. */
  readonly unique: number;
  readonly shared: number;
  /** null where nothing was walked. */
  readonly inodes: number | null;
}

export interface ContainerUse {
  readonly id: string;
  readonly name: string;
  /** Bytes of its read-write and its init layer. */
  readonly size: number;
  /** Bytes of its log files, which lie outside of the driver's directory and are no part of the total. */
  readonly logs: number;
  readonly inodes: number;
}

export interface Group {
  /** How many directories. */
  readonly count: number;
  readonly size: number;
}

export interface RootUse {
  /** Largest first. */
  readonly images: readonly ImageUse[];
  readonly containers: readonly ContainerUse[];
  readonly orphans: Group;
  /** Layers, unused, containers, unclaimed, orphans, build cache and other. */
  readonly total: number;
  readonly inodes: number | null;
  /** Layers of images, each once. */
  readonly layers: Group;
  /** Layers of layerdb that no image has. */
  readonly unused: Group;
  /** Layers of containers that have lost their entries: nobody can say whose which is. */
  readonly unclaimed: Group;
  /** What BuildKit may have, or a pull under way, or a damaged entry: in no layerdb entry, and no orphan. */
  readonly buildCache: Group;
  /** Bytes of short names and of what else is in the driver's directory. */
  readonly other: number;
}

export interface DuResult {
  readonly use: RootUse;
  readonly warnings: readonly { readonly message: string }[];
}

/**
 * Nothing is written. Throws PERMISSION where the root's metadata may not be read.
 * @param metadata take image layers' sizes from layerdb: bytes of content, not of disk, and no inodes
 */
export function rootUse(store: Store, metadata = false): DuResult {
  const index = ownerIndex(store);
  const walk = new DiskWalk();
  const uses = measureAll(store, index, walk, metadata);
  const groups = group(index, uses);
  const images = imageUses(index, uses, metadata);
  const containers = containerUses(store, index, uses);
  const other = otherUse(store, index, walk);
  const sum = [...uses.values(), other].reduce(add, NOTHING);
  const use = {
    images,
    containers,
    orphans: groups.orphans,
    total: sum.bytes,
    inodes: metadata ? null : sum.inodes,
    layers: groups.layers,
    unused: groups.unused,
    unclaimed: groups.unclaimed,
    buildCache: groups.buildCache,
    other: other.bytes,
  };
  return { use, warnings: [...store.layout.warnings, ...warningsOf(index, walk)] };
}

/** Layers before those that stand on them: the overlay driver links files from layer to layer. */
function measureAll(store: Store, index: OwnerIndex, walk: DiskWalk, metadata: boolean): Map<CacheId, Use> {
  const { picture, relations } = index;
  const places = [...picture.directories.keys()].map((cacheId) => {
    const chainId = chainAt(index, cacheId);
    const depth = chainId === null ? Number.MAX_SAFE_INTEGER : depthOf(chainId, relations.parentOf);
    return { cacheId, chainId, depth };
  });
  const uses = new Map<CacheId, Use>();
  for (const { cacheId, chainId } of places.sort((a, b) => a.depth - b.depth)) {
    const size = chainId === null ? undefined : picture.layers.get(chainId)?.size;
    if (metadata && chainId !== null) {
      uses.set(cacheId, { bytes: size?.state === "valid" ? Math.max(0, size.value) : 0, inodes: 0 });
    } else uses.set(cacheId, walk.measure(store.driver.dir(cacheId)));
  }
  return uses;
}

/** The layer that a directory holds, the first where damage gave it several. */
function chainAt(index: OwnerIndex, cacheId: CacheId): ChainId | null {
  const [first] = index.of(cacheId);
  return first?.kind === "image-layer" ? first.chainId : null;
}

function group(index: OwnerIndex, uses: ReadonlyMap<CacheId, Use>) {
  const groups = {
    layers: { count: 0, size: 0 },
    unused: { count: 0, size: 0 },
    unclaimed: { count: 0, size: 0 },
    buildCache: { count: 0, size: 0 },
    orphans: { count: 0, size: 0 },
  };
  for (const [cacheId, { bytes }] of uses) {
    const [first] = index.of(cacheId);
    const name = groupOf(index, first);
    if (name === null) continue;
    groups[name].count++;
    groups[name].size += bytes;
  }
  return groups;
}

function groupOf(index: OwnerIndex, belonging: ReturnType<OwnerIndex["of"]>[number] | undefined) {
  switch (belonging?.kind) {
    case "build-cache":
      return "buildCache";
    case "image-layer":
      if (belonging.chainId === null) return "buildCache";
      return index.relations.inImages.has(belonging.chainId) ? "layers" : "unused";
    case "orphan":
      return "orphans";
    case "container":
    case "container-init":
      return belonging.containerId === null ? "unclaimed" : null;
    default:
      return null;
  }
}

function imageUses(index: OwnerIndex, uses: ReadonlyMap<CacheId, Use>, metadata: boolean): ImageUse[] {
  const byChain = new Map<ChainId, Use>();
  for (const [cacheId, use] of uses) {
    const chainId = chainAt(index, cacheId);
    if (chainId !== null) byChain.set(chainId, use);
  }
  const users = new Map<ChainId, number>();
  for (const { chain } of index.picture.images.values()) {
    for (const chainId of chain) users.set(chainId, (users.get(chainId) ?? 0) + 1);
  }
  const images = [...index.picture.images.values()].filter(({ state }) => state === "sound");
  return images
    .map(({ id, chain }) => {
      const all = chain.map((chainId) => byChain.get(chainId) ?? NOTHING).reduce(add, NOTHING);
      const own = chain.filter((chainId) => users.get(chainId) === 1);
      const unique = own.map((chainId) => byChain.get(chainId) ?? NOTHING).reduce(add, NOTHING).bytes;
      const inodes = metadata ? null : all.inodes;
      return { ...index.image(id), size: all.bytes, unique, shared: all.bytes - unique, inodes };
    })
    .sort((a, b) => b.size - a.size || (a.id < b.id ? -1 : 1));
}

function containerUses(store: Store, index: OwnerIndex, uses: ReadonlyMap<CacheId, Use>): ContainerUse[] {
  const byContainer = new Map<string, Use>();
  for (const [cacheId, use] of uses) {
    const [first] = index.of(cacheId);
    if (first === undefined || !("containerId" in first) || first.containerId === null) continue;
    byContainer.set(first.containerId, add(byContainer.get(first.containerId) ?? NOTHING, use));
  }
  const { mounts, containers } = index.picture;
  // A walk of its own: what is counted here is in no other sum.
  const logs = new DiskWalk();
  return [...new Set([...mounts.keys(), ...containers.keys()])]
    .map((id) => {
      const { bytes, inodes } = byContainer.get(id) ?? NOTHING;
      return { ...index.container(id), size: bytes, logs: logsOf(store, index, id, logs), inodes };
    })
    .sort((a, b) => b.size - a.size || (a.id < b.id ? -1 : 1));
}

/** Of the drivers json-file and local. */
function logsOf(store: Store, index: OwnerIndex, id: string, walk: DiskWalk): number {
  const dir = join(store.root, "containers", id);
  const listing = index.picture.files.list(dir);
  if (listing === null || typeof listing === "string") return 0;
  const names = [...listing.keys()].filter((name) => name.startsWith(`${id}-json.log`) || name === "local-logs");
  return names.map((name) => walk.measure(join(dir, name)).bytes).reduce((sum, bytes) => sum + bytes, 0);
}

function otherUse(store: Store, { picture }: OwnerIndex, walk: DiskWalk): Use {
  const strays = [...picture.homeEntries.values()].filter(({ name }) => !picture.directories.has(name as CacheId));
  const paths = strays.flatMap(({ path }) => (path === null ? [] : [path]));
  return [walk.self(store.driver.home), ...paths.map((path) => walk.measure(path))].reduce(add, NOTHING);
}

function add(a: Use, b: Use): Use {
  return { bytes: a.bytes + b.bytes, inodes: a.inodes + b.inodes };
}

/** Paths named one by one. */
const MAX_NAMED = 20;

function warningsOf({ picture }: OwnerIndex, walk: DiskWalk): { message: string }[] {
  const bad = [...picture.images.values()].filter(({ state }) => state !== "sound");
  const images = bad.map(({ id, path, detail }) => ({ message: `image ${id} is left out: ${path}: ${detail}` }));
  const unread = walk.unread.slice(0, MAX_NAMED).map(({ path, reason }) => ({
    message: `${path} could not be read, and is not counted: ${reason}`,
  }));
  const more = walk.unread.length - unread.length;
  return [...images, ...unread, ...(more > 0 ? [{ message: `and ${more} more could not be read` }] : [])];
}
