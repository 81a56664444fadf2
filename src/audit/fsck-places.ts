/**
 * Where each layer's files lie, also of layers whose `cache-id` is lost or wrong: their directory is known by the
 * directories that stand on it, or by what it stands on. Such a directory is no orphan.
 */
import { LINK_TARGET } from "../driver/overlay2-check.js";
import type { CacheId, ChainId, ImageId } from "../model/digest.js";
import { initOf, isInit } from "../model/mount-id.js";
import { type Doubt, findDoubts } from "./fsck-doubts.js";
import { findMountPlaces, type MountPlace } from "./fsck-mount-places.js";
import {
  type DirectoryRecord,
  isUnfinished,
  type LayerRecord,
  type MountRecord,
  type Picture,
} from "./fsck-picture.js";
import type { LayerTruth } from "./fsck-relations.js";
import { push } from "./multimap.js";

export interface Places {
  /** null where nobody knows. */
  readonly of: (chainId: ChainId) => CacheId | null;
  /** The layer in a directory; null for none that is known. */
  readonly layerAt: (cacheId: CacheId | null | undefined) => ChainId | null;
  /** Layers whose directory is not the one that their `cache-id` says, or that have no entry; what it may be. */
  readonly lost: ReadonlyMap<ChainId, readonly CacheId[]>;
  /** Layers that share their directory and are not its owner. */
  readonly disputed: ReadonlySet<ChainId>;
  /** Layers that may have another directory than their `cache-id` says, though that is there. */
  readonly doubts: () => ReadonlyMap<ChainId, Doubt>;
  /** Directories that nothing names, but that a lost layer or container may be in. */
  readonly claimed: ReadonlySet<CacheId>;
  /** Of each mount. */
  readonly mounts: ReadonlyMap<string, MountPlace>;
  /** Containers without a mount, and the read-write layers that may be theirs. */
  readonly lostContainers: ReadonlyMap<string, readonly CacheId[]>;
  /** The container of a read-write layer that is the only one for it, and may be no other's. */
  readonly containerIn: ReadonlyMap<CacheId, string>;
  /** The directory that a short name means. */
  readonly byLink: (link: string) => CacheId | null;
  /** Whether the short name that a directory's `link` says is that of another directory. */
  readonly isOthers: (record: DirectoryRecord) => boolean;
  /** Short names that lead to a directory, those that a `lower` has first. */
  readonly linksTo: (cacheId: CacheId) => readonly string[];
  /** Whether some `lower` has a short name: taking it away would break who uses it. */
  readonly isUsed: (link: string) => boolean;
}

interface Known {
  readonly parentOf: (chainId: ChainId) => ChainId | null;
  readonly children: ReadonlyMap<ChainId, readonly LayerRecord[]>;
  readonly users: ReadonlyMap<CacheId, readonly string[]>;
  readonly mountsOn: ReadonlyMap<ChainId, readonly MountRecord[]>;
  readonly imagesOn: ReadonlyMap<ChainId, readonly ImageId[]>;
  readonly truth: ReadonlyMap<ChainId, LayerTruth>;
}

/** The directory that a directory says it stands on. */
type FirstLower = (record: DirectoryRecord | undefined) => CacheId | null;

export function findPlaces(picture: Picture, known: Known): Places {
  const isOthers = (record: DirectoryRecord) => hasOthersName(picture, record);
  const byLink = linkIndex(picture);
  const directory = (id: CacheId | null) => (id === null ? undefined : picture.directories.get(id));
  const firstLower: FirstLower = (record) => {
    const first = record?.lowers[0];
    if (first === undefined) return null;
    return picture.driver === "overlay2" ? byLink(first) : (first as CacheId);
  };
  const disputed = findDisputed(picture, known, firstLower);
  const unnamed = findUnnamed(picture, known.users, firstLower);
  const stated = (chainId: ChainId): CacheId | null => {
    const cacheId = picture.layers.get(chainId)?.cacheId;
    return cacheId?.state === "valid" && !disputed.has(chainId) ? cacheId.value : null;
  };
  const lost = new Map<ChainId, readonly CacheId[]>();
  const claimed = new Set<CacheId>();
  const found = new Map<ChainId, CacheId>();
  // Parents before children, so that what a lost layer stands on is known.
  const needed = needs(picture, known).filter((chainId) => directory(stated(chainId)) === undefined);
  for (const chainId of byDepth(needed, known.parentOf)) {
    const above = (known.children.get(chainId) ?? []).map((layer) => firstLower(directory(stated(layer.chainId))));
    const byChild = above.find((id) => id !== null && !known.users.has(id) && picture.directories.has(id)) ?? null;
    if (byChild !== null) found.set(chainId, byChild);
    const parent = known.parentOf(chainId);
    const base = parent === null ? null : (stated(parent) ?? found.get(parent) ?? null);
    const standing = parent === null || base !== null || picture.driver === "overlay" ? unnamed.layers.get(base) : [];
    const candidates = byChild !== null ? [byChild] : (standing ?? []);
    lost.set(chainId, candidates);
    for (const id of candidates) claimed.add(id);
    if (candidates.length === 1) found.set(chainId, candidates[0] as CacheId);
  }
  const of = (chainId: ChainId) => {
    const cacheId = stated(chainId);
    return directory(cacheId) === undefined ? (found.get(chainId) ?? null) : cacheId;
  };
  // Nobody asks of a sound root.
  const layers = once(() => {
    const known = [...picture.layers.keys(), ...lost.keys()];
    return new Map(known.map((chainId) => [of(chainId), chainId]));
  });
  const layerAt = (cacheId: CacheId | null | undefined) => (cacheId == null ? null : (layers().get(cacheId) ?? null));
  const lostContainers = findContainers(picture, of, unnamed);
  const mounts = findMountPlaces(picture, { users: known.users, disputed, firstLower, placeOf: of });
  const doubts = once(() => findDoubts(picture, { ...known, mounts, firstLower, byLink, stated }));
  for (const candidates of lostContainers.values()) for (const id of candidates) claimed.add(id).add(initOf(id));
  for (const [id, { rw, init }] of mounts) {
    if (rw !== null) claimed.add(rw);
    if (init !== null) claimed.add(init);
    if (directory(rw) !== undefined) continue;
    const parent = picture.mounts.get(id)?.parent;
    const base = parent?.state === "valid" ? of(parent.value) : null;
    for (const own of onBase(unnamed, base)) claimed.add(own).add(initOf(own));
  }
  return {
    of,
    layerAt,
    lost,
    disputed,
    doubts,
    claimed,
    mounts,
    lostContainers,
    containerIn: soleContainers(lostContainers),
    byLink,
    isOthers,
    ...reverseLinks(picture),
  };
}

function reverseLinks(picture: Picture): Pick<Places, "linksTo" | "isUsed"> {
  // Nobody asks of a sound root.
  const used = once(() => new Set([...picture.directories.values()].flatMap(({ lowers }) => lowers)));
  const names = once(() => {
    const byTarget = new Map<string, string[]>();
    for (const [name, target] of picture.links) if (target !== null) push(byTarget, target, name);
    return byTarget;
  });
  const isUsed = (link: string) => used().has(link);
  const linksTo = (cacheId: CacheId) =>
    [...(names().get(`../${cacheId}/diff`) ?? [])].sort((a, b) => Number(isUsed(b)) - Number(isUsed(a)));
  return { linksTo, isUsed };
}

/** Of two directories that are called the same, it is the name of the one that it leads to. */
function hasOthersName({ directories, links }: Picture, { cacheId, link }: DirectoryRecord): boolean {
  if (link.kind !== "text") return false;
  const text = link.text.trim();
  const other = directories.get(targetOf(links.get(text)) as CacheId);
  return (
    other !== undefined && other.cacheId !== cacheId && other.link.kind === "text" && other.link.text.trim() === text
  );
}

/** The directory that a short name leads to. */
export function targetOf(target: string | null | undefined): CacheId | null {
  return (LINK_TARGET.exec(target ?? "")?.[1] ?? null) as CacheId | null;
}

/** By where the name leads; where there is no such name, by who says that it is called so. */
function linkIndex(picture: Picture): (link: string) => CacheId | null {
  const called = once(() => {
    const byName = new Map<string, CacheId>();
    for (const record of picture.directories.values()) {
      const { cacheId, link } = record;
      if (link.kind === "text" && link.text !== "" && !hasOthersName(picture, record))
        byName.set(link.text.trim(), cacheId);
    }
    return byName;
  });
  return (link) => {
    // Both ways lead to one layer in a sound root; a name bent elsewhere is still in its owner's `link`.
    return called().get(link) ?? targetOf(picture.links.get(link));
  };
}

/** Of several layers with one directory it is whose depth and parent it has; an init layer is never a layer's. */
function findDisputed(picture: Picture, known: Known, firstLower: FirstLower): Set<ChainId> {
  const disputed = new Set<ChainId>();
  for (const [cacheId, users] of known.users) {
    if (users.length < 2) continue;
    const layers = users.flatMap((user) => picture.layers.get(user as ChainId) ?? []);
    const record = picture.directories.get(cacheId);
    const fits = layers.filter(({ chainId }) => {
      const parent = known.parentOf(chainId);
      if (record === undefined || isInit(cacheId)) return false;
      if (depthOf(chainId, known.parentOf) !== record.lowers.length + 1) return false;
      const below = parent === null ? undefined : picture.layers.get(parent)?.cacheId;
      return below?.state !== "valid" || firstLower(record) === below.value;
    });
    const owner = fits[0] ?? (layers.length === users.length ? layers[0] : undefined);
    for (const { chainId } of layers) if (chainId !== owner?.chainId) disputed.add(chainId);
  }
  return disputed;
}

/** Layers that are in layerdb, or should be. */
function needs(picture: Picture, known: Known): ChainId[] {
  const needed = new Set<ChainId>([...picture.layers.keys(), ...known.children.keys(), ...known.mountsOn.keys()]);
  for (const { chain } of picture.images.values()) for (const chainId of chain) needed.add(chainId);
  return [...needed];
}

function byDepth(chainIds: readonly ChainId[], parentOf: (id: ChainId) => ChainId | null): ChainId[] {
  const depths = new Map(chainIds.map((id) => [id, depthOf(id, parentOf)]));
  return [...chainIds].sort((a, b) => (depths.get(a) ?? 0) - (depths.get(b) ?? 0));
}

/** No layer that anybody made stands on more; a ring would never end. */
const DEEPEST = 1000;

export function depthOf(chainId: ChainId, parentOf: (id: ChainId) => ChainId | null): number {
  let depth = 0;
  for (let id: ChainId | null = chainId; id !== null && depth < DEEPEST; id = parentOf(id)) depth++;
  return depth;
}

/** Directories that nothing names, by the directory that they stand on; null for bases. */
interface Unnamed {
  readonly layers: ReadonlyMap<CacheId | null, readonly CacheId[]>;
  /** Read-write layers by what their init layer stands on. */
  readonly containers: ReadonlyMap<CacheId | null, readonly CacheId[]>;
}

function findUnnamed(picture: Picture, users: Known["users"], firstLower: FirstLower): Unnamed {
  const layers = new Map<CacheId | null, CacheId[]>();
  const containers = new Map<CacheId | null, CacheId[]>();
  for (const record of picture.directories.values()) {
    const { cacheId, entries } = record;
    if (users.has(cacheId) || isInit(cacheId)) continue;
    // A container's own layer has its init layer beside it, and never `committed`.
    const init = picture.directories.get(initOf(cacheId));
    if (init !== undefined) {
      if (!users.has(init.cacheId)) push(containers, firstLower(init), cacheId);
      continue;
    }
    const isLayer = picture.driver === "overlay" ? entries.has("root") : true;
    const isBase = picture.driver === "overlay" || (record.lowers.length === 0 && !entries.has("lower"));
    const base = isBase ? null : firstLower(record);
    if (isLayer && (isBase || base !== null)) push(layers, base, cacheId);
  }
  return { layers, containers };
}

/** Pairs of an init layer and a read-write layer that nothing names, on the top layer of the container's image. */
function findContainers(
  picture: Picture,
  placeOf: (chainId: ChainId) => CacheId | null,
  unnamed: Unnamed,
): Map<string, readonly CacheId[]> {
  const lost = new Map<string, readonly CacheId[]>();
  for (const { id, config, imageId } of picture.containers.values()) {
    if (picture.mounts.has(id) || isUnfinished(picture, id) || config === null || config["Driver"] !== picture.driver)
      continue;
    const top = imageId === null ? undefined : picture.images.get(imageId)?.chain.at(-1);
    const base = top === undefined ? null : placeOf(top);
    lost.set(id, onBase(unnamed, base));
  }
  return lost;
}

function soleContainers(lost: ReadonlyMap<string, readonly CacheId[]>): Map<CacheId, string> {
  const claims = new Map<CacheId, number>();
  for (const candidates of lost.values()) for (const id of candidates) claims.set(id, (claims.get(id) ?? 0) + 1);
  const sole = new Map<CacheId, string>();
  for (const [container, [only, second]] of lost) {
    if (only !== undefined && second === undefined && claims.get(only) === 1) sole.set(only, container);
  }
  return sole;
}

/** Read-write layers that nothing names; all of them where nobody knows what the container stands on. */
function onBase({ containers }: Unnamed, base: CacheId | null): readonly CacheId[] {
  return base === null ? [...containers.values()].flat() : (containers.get(base) ?? []);
}

/** Made by the first who asks. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
