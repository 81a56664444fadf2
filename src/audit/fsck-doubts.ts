/**
 * Layers whose `cache-id` may name another layer's directory: where it names the wrong one, or a directory stands under
 * another's name, what stands on the layer says so, or the directory does, which stands elsewhere itself.
 */
import type { CacheId, ChainId, DiffId } from "../model/digest.js";
import { isInit } from "../model/mount-id.js";
import type { MountPlace } from "./fsck-mount-places.js";
import type { DirectoryRecord, LayerRecord, MountRecord, Picture } from "./fsck-picture.js";
import { depthOf } from "./fsck-places.js";
import type { LayerTruth } from "./fsck-relations.js";
import { push } from "./multimap.js";

export interface Doubt {
  readonly chainId: ChainId;
  readonly diffId: DiffId;
  /** What its `cache-id` says. */
  readonly cacheId: CacheId;
  /** Directories that may be the layer's as well. */
  readonly others: readonly CacheId[];
  /** The layers that have those of them which what stands on this one names. */
  readonly rivals: readonly ChainId[];
  /** Else `cache-id` is believed where tar-split proves nothing: one `lower` that is wrong is likelier. */
  readonly mustBeProven: boolean;
}

/** Directories that a layer is looked for in: each is a layer rebuilt. To more than these something else has been done. */
export const MOST_PLACES = 8;

interface Known {
  readonly parentOf: (chainId: ChainId) => ChainId | null;
  readonly children: ReadonlyMap<ChainId, readonly LayerRecord[]>;
  readonly mountsOn: ReadonlyMap<ChainId, readonly MountRecord[]>;
  readonly truth: ReadonlyMap<ChainId, LayerTruth>;
  readonly mounts: ReadonlyMap<string, MountPlace>;
  /** The directory that a directory says it stands on. */
  readonly firstLower: (record: DirectoryRecord | undefined) => CacheId | null;
  readonly byLink: (link: string) => CacheId | null;
  /** What a layer's `cache-id` says. */
  readonly stated: (chainId: ChainId) => CacheId | null;
}

/** Of the overlay2 driver only: with overlay no directory says what it stands on. */
export function findDoubts(picture: Picture, known: Known): Map<ChainId, Doubt> {
  const { driver, layers, directories } = picture;
  if (driver !== "overlay2") return new Map();
  const { parentOf, truth, stated } = known;
  const places = new Map<ChainId, CacheId>();
  const holders = new Map<CacheId, ChainId>();
  const elsewhere = new Set<ChainId>();
  for (const { chainId } of layers.values()) {
    const cacheId = stated(chainId);
    const record = cacheId === null ? undefined : directories.get(cacheId);
    if (cacheId === null || record === undefined) continue;
    places.set(chainId, cacheId);
    holders.set(cacheId, chainId);
    if (standsElsewhere(chainId, record, known)) elsewhere.add(chainId);
  }
  const said = new Map<ChainId, ReadonlySet<CacheId>>();
  for (const [chainId, cacheId] of places) {
    const depth = depthOf(chainId, parentOf);
    const fits = (id: CacheId) => directories.get(id)?.lowers.length === depth - 1;
    const names = namesAbove(chainId, picture, known).filter((id) => id !== cacheId && !isInit(id) && fits(id));
    if (names.length > 0) said.set(chainId, new Set(names));
  }
  const others = new Map<ChainId, Set<CacheId>>();
  const rivals = new Map<ChainId, Set<ChainId>>();
  const doubt = (chainId: ChainId, id: CacheId) =>
    others.set(chainId, (others.get(chainId) ?? new Set<CacheId>()).add(id));
  const rival = (chainId: ChainId, other: ChainId) =>
    rivals.set(chainId, (rivals.get(chainId) ?? new Set<ChainId>()).add(other));
  for (const [chainId, names] of said) {
    for (const id of names) {
      doubt(chainId, id);
      const holder = holders.get(id);
      if (holder === undefined) continue;
      rival(chainId, holder);
      doubt(holder, places.get(chainId) as CacheId);
    }
  }
  const ofHeight = new Map<number, CacheId[]>();
  for (const chainId of elsewhere) {
    const cacheId = places.get(chainId) as CacheId;
    push(ofHeight, directories.get(cacheId)?.lowers.length ?? 0, cacheId);
  }
  for (const chainId of elsewhere) {
    const fitting = ofHeight.get(depthOf(chainId, parentOf) - 1) ?? [];
    if (fitting.length > MOST_PLACES) continue;
    for (const id of fitting) if (id !== places.get(chainId)) doubt(chainId, id);
  }
  const doubts = new Map<ChainId, Doubt>();
  for (const [chainId, ids] of others) {
    const diffId = truth.get(chainId)?.diffId;
    const cacheId = places.get(chainId) as CacheId;
    const foes = [...(rivals.get(chainId) ?? [])];
    const mustBeProven = elsewhere.has(chainId) || foes.some((foe) => said.get(foe)?.has(cacheId));
    if (diffId !== undefined) {
      doubts.set(chainId, { chainId, diffId, cacheId, others: [...ids], rivals: foes, mustBeProven });
    }
  }
  return doubts;
}

/** Whether a layer's directory is another's by its own `lower`. */
function standsElsewhere(chainId: ChainId, record: DirectoryRecord, { parentOf, firstLower, stated }: Known): boolean {
  const { lower, lowers } = record;
  if (lower.kind === "bad" || (lower.kind === "text" && lower.text === "")) return false;
  const parent = parentOf(chainId);
  const base = parent === null ? null : stated(parent);
  return lowers.length + 1 !== depthOf(chainId, parentOf) || (base !== null && firstLower(record) !== base);
}

/** The directories that layers and containers which stand right on a layer stand on. */
function namesAbove(chainId: ChainId, { directories }: Picture, known: Known): CacheId[] {
  const { children, mountsOn, mounts, firstLower, byLink, stated } = known;
  const record = (id: CacheId | null) => (id === null ? undefined : directories.get(id));
  const layers = (children.get(chainId) ?? []).map((layer) => firstLower(record(stated(layer.chainId))));
  const containers = (mountsOn.get(chainId) ?? []).flatMap(({ containerId }) => {
    const { rw, init } = mounts.get(containerId) ?? { rw: null, init: null };
    const second = record(rw)?.lowers[1];
    return init === null ? [firstLower(record(rw))] : [firstLower(record(init)), second ? byLink(second) : null];
  });
  return [...layers, ...containers].filter((id) => id !== null);
}
