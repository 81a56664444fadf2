/** Layers of layerdb: their files, their names, and whether everything that is stood on is there. */
import { basename, dirname, join } from "node:path";
import { type ChainId, chainIdOf, hexOf } from "../../model/digest.js";
import { type Finding, finding, found, type Step } from "../fsck-finding.js";
import type { LayerRecord, Picture } from "../fsck-picture.js";
import { isNeeded, type Relations } from "../fsck-relations.js";
import { topOf } from "../fsck-top.js";
import { swapSteps } from "../swap-steps.js";

export function* checkLayers(picture: Picture, relations: Relations): Generator<Finding> {
  for (const layer of picture.layers.values()) {
    if (isEmpty(layer)) yield emptyEntry(layer, relations);
    else if (basename(layer.dir) !== hexOf(layer.chainId)) yield* checkPlace(picture, layer);
    else {
      yield* checkIdentity(picture, layer, relations);
      yield* checkSize(layer, relations);
      // What a wrong name leads to is not looked into.
      if (!relations.truth.has(layer.chainId)) continue;
      yield* checkCacheId(picture, layer, relations);
      yield* checkTarSplit(layer);
    }
  }
  yield* checkMissing(picture, relations);
}

/** moby issue 44909, and zero-length files after a power loss. */
export function isEmpty({ diff, size, cacheId, parent, entries }: LayerRecord): boolean {
  const blank = [diff, size, cacheId, parent].every(({ state }) => state === "absent" || state === "empty");
  return blank && (entries.get("tar-split.json.gz")?.size ?? 0) === 0;
}

/** Whether anything but the build cache needs a layer. */
function emptyEntry({ chainId, dir }: LayerRecord, relations: Relations): Finding {
  const needed = isNeeded(relations, chainId);
  return finding("LAYER_ENTRY_EMPTY", {
    subject: chainId,
    path: dir,
    detail: needed ? "others stand on it" : "nothing needs it",
    steps: needed ? [] : [{ do: "remove", path: dir }],
    restore: needed ? { kind: "layer", chainId } : null,
  });
}

/** What else may be wrong with its files is seen when they are in their place. */
function* checkPlace(picture: Picture, { chainId, dir }: LayerRecord): Generator<Finding> {
  const path = join(dirname(dir), hexOf(chainId));
  const other = [...picture.layers.values()].find((layer) => layer.dir === path);
  const isStray = other === undefined && picture.layerdb.sha256.has(hexOf(chainId));
  const steps = isStray ? [] : swapSteps(dir, path, other === undefined ? null : hexOf(other.chainId));
  if (steps === null) return;
  const detail = `its files give ${chainId}`;
  yield finding("CHAIN_NAME_WRONG", { subject: chainId, path: dir, detail, steps });
}

/** `diff` and `parent`, which the layer's name is the hash of. */
function* checkIdentity(picture: Picture, layer: LayerRecord, relations: Relations): Generator<Finding> {
  const { chainId, dir, diff, parent } = layer;
  const truth = relations.truth.get(chainId);
  const at = (name: string) => ({ subject: chainId, path: join(dir, name) });
  if (truth === undefined && diff.state === "valid" && parent.state !== "invalid" && parent.state !== "empty") {
    const actual = chainIdOf(parent.state === "valid" ? parent.value : null, diff.value);
    yield finding("CHAIN_NAME_WRONG", {
      subject: chainId,
      path: dir,
      detail: `its files give ${actual}`,
      steps: isNeeded(relations, chainId) ? [] : misnamedSteps(picture, dir, actual),
    });
    return;
  }
  if (diff.state !== "valid" || (truth !== undefined && diff.value !== truth.diffId)) {
    const code = diff.state === "valid" ? "LAYER_DIFF_WRONG" : "LAYER_DIFF_BAD";
    const detail = `expected ${truth?.diffId ?? "sha256:<64 hex>"}, found ${found(diff)}`;
    const path = join(dir, "diff");
    yield finding(code, {
      ...at("diff"),
      detail,
      steps: truth === undefined ? [] : [{ do: "write", path, content: truth.diffId, mode: 0o644 }],
    });
  }
  if (truth === undefined) {
    if (parent.state === "valid" || parent.state === "absent") return;
    yield finding("LAYER_PARENT_WRONG", { ...at("parent"), detail: `found ${found(parent)}` });
  } else if (parent.state === "absent" && truth.parent !== null) {
    const { path } = at("parent");
    yield finding("LAYER_PARENT_MISSING", {
      ...at("parent"),
      detail: `expected ${truth.parent}`,
      steps: [{ do: "write", path, content: truth.parent, mode: 0o644 }],
    });
  } else if (parent.state !== "absent" && !(parent.state === "valid" && parent.value === truth.parent)) {
    const { path } = at("parent");
    yield finding("LAYER_PARENT_WRONG", {
      ...at("parent"),
      detail: `expected ${truth.parent ?? "no such file, since the layer is a base"}, found ${found(parent)}`,
      steps:
        truth.parent === null ? [{ do: "remove", path }] : [{ do: "write", path, content: truth.parent, mode: 0o644 }],
    });
  }
}

function misnamedSteps(picture: Picture, path: string, actual: ChainId): Step[] {
  const to = join(dirname(path), hexOf(actual));
  if (!picture.layerdb.sha256.has(hexOf(actual))) return [{ do: "rename", path, to }];
  // One that is to be moved itself.
  if ([...picture.layers.values()].some((layer) => layer.dir === to && layer.chainId !== actual)) return [];
  return [{ do: "set-aside", path }];
}

function* checkSize({ chainId, dir, size }: LayerRecord, { places }: Relations): Generator<Finding> {
  if (size.state === "valid") return;
  const cacheId = places.of(chainId);
  yield finding("LAYER_SIZE_BAD", {
    subject: chainId,
    path: join(dir, "size"),
    detail: `expected a decimal number, found ${found(size)}`,
    steps: cacheId === null ? [] : [{ do: "count-size", chainId, cacheId }],
  });
}

function* checkCacheId(picture: Picture, layer: LayerRecord, { places, truth, users }: Relations): Generator<Finding> {
  const { chainId, dir, cacheId } = layer;
  const candidates = places.lost.get(chainId) ?? [];
  if (cacheId.state === "valid" && candidates.length === 0 && !places.disputed.has(chainId)) return;
  const diffId = truth.get(chainId)?.diffId;
  const path = join(dir, "cache-id");
  const steps =
    candidates.length === 0 || diffId === undefined
      ? []
      : [{ do: "find-directory", chainId, diffId, candidates } as const];
  if (cacheId.state !== "valid") {
    const detail = `expected the name of a directory in ${picture.home}, found ${found(cacheId)}`;
    yield finding("LAYER_CACHE_ID_BAD", { subject: chainId, path, detail, steps });
  } else if (places.disputed.has(chainId)) {
    const others = (users.get(cacheId.value) ?? []).filter((user) => user !== chainId);
    const detail = `found ${cacheId.value}, which ${others.join(", ")} has`;
    yield finding("CACHE_ID_SHARED", { subject: chainId, path, detail, steps });
  } else if (!picture.directories.has(cacheId.value)) {
    // The directory is there, under another name than this.
    const detail = `found ${cacheId.value}, which is not there`;
    yield finding("LAYER_CACHE_ID_BAD", { subject: chainId, path, detail, steps });
  }
}

function* checkTarSplit({ chainId, dir, entries }: LayerRecord): Generator<Finding> {
  const split = entries.get("tar-split.json.gz");
  if (split?.kind === "file" && split.size > 0) return;
  yield finding("TAR_SPLIT_MISSING", {
    subject: chainId,
    path: join(dir, "tar-split.json.gz"),
    detail: split === undefined ? "nothing there" : split.kind === "file" ? "it is empty" : `it is a ${split.kind}`,
    restore: { kind: "layer", chainId },
  });
}

/** A layer that is stood on is reported once, whoever stands on it. */
function* checkMissing(picture: Picture, relations: Relations): Generator<Finding> {
  const { children, misnamed, mountsOn, truth } = relations;
  const isMissing = (chainId: ChainId) =>
    !misnamed.has(chainId) && !picture.layers.has(chainId) && !picture.layerdb.sha256.has(hexOf(chainId));
  const dir = (chainId: ChainId) => join(picture.image, "layerdb", "sha256", hexOf(chainId));
  const restore = (chainId: ChainId) => ({ kind: "layer", chainId }) as const;
  const reported = new Set<ChainId>();
  for (const [chainId, layers] of children) {
    if (!isMissing(chainId)) continue;
    // Who names it by mistake has been told so.
    if (!truth.has(chainId) && layers.some((layer) => !truth.has(layer.chainId))) continue;
    reported.add(chainId);
    yield finding("LAYER_MISSING", { subject: chainId, path: dir(chainId), restore: restore(chainId) });
  }
  for (const image of picture.images.values()) {
    const missing = image.chain.filter(isMissing);
    const [first] = missing;
    if (first === undefined || missing.some((chainId) => reported.has(chainId))) continue;
    for (const chainId of missing) reported.add(chainId);
    const detail = `${missing.length} of ${image.chain.length} layers of image ${image.id} are missing`;
    yield finding("IMAGE_LAYER_MISSING", { subject: image.id, path: dir(first), detail, restore: restore(first) });
  }
  for (const [chainId, mounts] of mountsOn) {
    if (!isMissing(chainId) || reported.has(chainId)) continue;
    for (const mount of mounts) {
      // It stands on another, and only says so.
      if (topOf(picture, relations, mount.containerId) !== chainId) continue;
      const path = join(mount.dir, "parent");
      const detail = `found ${chainId}`;
      yield finding("MOUNT_PARENT_MISSING", { subject: mount.containerId, path, detail, restore: restore(chainId) });
    }
  }
}
