/**
 * What stands on what in a root, as it must have been before it was damaged. A layer's name is a hash of its DiffID
 * and its parent, and image configs are hashed too: so what a damaged file said can often be proven from others.
 */
import { type CacheId, type ChainId, chainIdOf, type DiffId, type ImageId } from "../model/digest.js";
import { BuildKit } from "./buildkit.js";
import { claimOf } from "./fsck-layer-names.js";
import type { LayerRecord, MountRecord, Picture } from "./fsck-picture.js";
import { findPlaces, type Places } from "./fsck-places.js";
import { push } from "./multimap.js";

/** What a layer is by its name. */
export interface LayerTruth {
  readonly parent: ChainId | null;
  readonly diffId: DiffId;
}

export interface Relations {
  /** Every ChainID that is proven, whether its layer is there or not. */
  readonly truth: ReadonlyMap<ChainId, LayerTruth>;
  /** Layers of layerdb that stand on a layer. */
  readonly children: ReadonlyMap<ChainId, readonly LayerRecord[]>;
  /** Images and containers' mounts by their top layer. */
  readonly imagesOn: ReadonlyMap<ChainId, readonly ImageId[]>;
  readonly mountsOn: ReadonlyMap<ChainId, readonly MountRecord[]>;
  /** ChainIDs of layers whose entry is there under a name that is not theirs. */
  readonly misnamed: ReadonlySet<ChainId>;
  /** Layers of some image, at whatever height. */
  readonly inImages: ReadonlySet<ChainId>;
  /** Layers and mounts that name a directory. */
  readonly users: ReadonlyMap<CacheId, readonly string[]>;
  readonly places: Places;
  readonly buildKit: BuildKit;
  /** The parent of a layer, proven or else as its file says. */
  readonly parentOf: (chainId: ChainId) => ChainId | null;
  /** Directories below a layer, topmost first; null where nobody knows. */
  readonly below: (chainId: ChainId | null) => readonly (CacheId | null)[];
}

/** Whether a layer, an image or a container stands on a layer. */
export function isNeeded({ children, inImages, mountsOn }: Relations, chainId: ChainId): boolean {
  return children.has(chainId) || inImages.has(chainId) || mountsOn.has(chainId);
}

export function relate(picture: Picture): Relations {
  const truth = findTruth(picture);
  const parentOf = (chainId: ChainId): ChainId | null => {
    const known = truth.get(chainId);
    if (known !== undefined) return known.parent;
    const parent = picture.layers.get(chainId)?.parent;
    return parent?.state === "valid" ? parent.value : null;
  };
  const children = new Map<ChainId, LayerRecord[]>();
  const users = new Map<CacheId, string[]>();
  for (const layer of picture.layers.values()) {
    const parent = parentOf(layer.chainId);
    if (parent !== null) push(children, parent, layer);
    if (layer.cacheId.state === "valid") push(users, layer.cacheId.value, layer.chainId);
  }
  const misnamed = new Set<ChainId>();
  for (const layer of picture.layers.values()) {
    const claimed = truth.has(layer.chainId) ? null : claimOf(layer);
    if (claimed !== null) misnamed.add(chainIdOf(claimed.parent, claimed.diffId));
  }
  const mountsOn = new Map<ChainId, MountRecord[]>();
  for (const mount of picture.mounts.values()) {
    for (const { state, ...id } of [mount.mountId, mount.initId]) {
      if (state === "valid" && "value" in id) push(users, id.value, mount.containerId);
    }
    if (mount.parent.state === "valid") push(mountsOn, mount.parent.value, mount);
  }
  const imagesOn = new Map<ChainId, ImageId[]>();
  const inImages = new Set<ChainId>();
  for (const image of picture.images.values()) {
    for (const chainId of image.chain) inImages.add(chainId);
    const top = image.chain.at(-1);
    if (top !== undefined) push(imagesOn, top, image.id);
  }
  const places = findPlaces(picture, { parentOf, children, users, mountsOn, imagesOn, truth });
  const memo = new Map<ChainId, readonly (CacheId | null)[]>();
  const below = (chainId: ChainId | null): readonly (CacheId | null)[] => {
    const made = chainId === null ? [] : memo.get(chainId);
    if (made !== undefined) return made;
    const stack: ChainId[] = [];
    let known: readonly (CacheId | null)[] | undefined;
    // A parent chain on a damaged disk may be a ring.
    const seen = new Set<ChainId>();
    for (let id = chainId; id !== null && !seen.has(id); id = parentOf(id)) {
      known = memo.get(id);
      if (known !== undefined) break;
      seen.add(id);
      stack.push(id);
    }
    let list = known ?? [];
    for (const id of stack.reverse()) {
      list = [places.of(id), ...list];
      memo.set(id, list);
    }
    return list;
  };
  const buildKit = new BuildKit(picture.root);
  return { truth, children, imagesOn, mountsOn, misnamed, inImages, users, places, buildKit, parentOf, below };
}

const MAX_HASHES = 500_000;

/** Images first: their configs are hashed as a whole. */
function findTruth(picture: Picture): Map<ChainId, LayerTruth> {
  const truth = new Map<ChainId, LayerTruth>();
  for (const { chain, diffIds } of picture.images.values()) {
    chain.forEach((chainId, i) => {
      truth.set(chainId, { parent: chain[i - 1] ?? null, diffId: diffIds[i] as DiffId });
    });
  }
  const doubtful: LayerRecord[] = [];
  for (const layer of picture.layers.values()) {
    if (truth.has(layer.chainId)) continue;
    const claimed = claimOf(layer);
    if (claimed !== null && chainIdOf(claimed.parent, claimed.diffId) === layer.chainId) {
      truth.set(layer.chainId, claimed);
    } else doubtful.push(layer);
  }
  if (doubtful.length === 0) return truth;
  const diffIds = new Set([...truth.values()].map(({ diffId }) => diffId));
  const parents = [null, ...picture.layers.keys()];
  // Each is tried with everything that the root knows: a microsecond a hash.
  const most = Math.ceil(MAX_HASHES / (parents.length + diffIds.size));
  for (const layer of doubtful.slice(0, most)) {
    const proof = prove(layer, parents, diffIds);
    if (proof !== null) truth.set(layer.chainId, proof);
  }
  return truth;
}

/** One of the two files is believed, the other looked for among what the root knows. */
function prove(
  { chainId, diff, parent }: LayerRecord,
  parents: readonly (ChainId | null)[],
  diffIds: ReadonlySet<DiffId>,
): LayerTruth | null {
  if (diff.state === "valid") {
    const diffId = diff.value;
    const found = parents.find((candidate) => chainIdOf(candidate, diffId) === chainId);
    if (found !== undefined) return { parent: found, diffId };
  }
  const below = parent.state === "valid" ? parent.value : null;
  // Any name is that of some base layer: where `diff` says another it is the name that is wrong.
  const own = diff.state === "valid" ? [] : [chainId as string as DiffId];
  for (const diffId of [...own, ...diffIds]) {
    if (chainIdOf(below, diffId) === chainId) return { parent: below, diffId };
  }
  return null;
}
