/** From what a user calls a container or an image to its file system, ready to be read. */
import { lstatSync } from "node:fs";
import { refuseSymlinks } from "../driver/is-directory.js";
import { type Ids, layerIds } from "../driver/layer-ids.js";
import { OvlError } from "../errors.js";
import type { Store } from "../store/store.js";
import { isMachineRoot, seesTrusted } from "../sys/privilege.js";
import { layersOf, type RootfsTarget, resolveTarget, type UnionLayer } from "./layers.js";
import { Union } from "./union.js";

export interface OpenedRootfs extends Disposable {
  readonly target: RootfsTarget;
  /** Those of the union, topmost first. */
  readonly layers: readonly UnionLayer[];
  readonly union: Union;
}

/**
 * A container before an image of the same name.
 * @param index one layer instead of all, as it is on disk; null for all
 * Throws NOT_FOUND, AMBIGUOUS, BAD_ROOT, PERMISSION.
 */
export function openRootfs(store: Store, text: string, index: number | null = null): OpenedRootfs {
  const target = resolveTarget(store, text);
  const all = layersOf(store, target);
  if (index !== null) {
    const layer = layerAt(all, index, text);
    return opened(target, [layer], openSingleLayer(store, layer));
  }
  // What an init layer has is made again with every start; without it the rest can still be read.
  const lost = all.find(({ kind, cacheId }) => kind === "init" && !store.driver.has(cacheId));
  const layers = all.filter((layer) => layer !== lost);
  const union = openUnion(store, layers, layers[0] === undefined ? null : layerIds(layers[0].dir));
  if (lost !== undefined) {
    const message = `the init layer ${lost.dir} is missing, and left out: mount points and files that docker puts into every container; ovl fsck --repair makes it again`;
    union.warnings.push({ code: "MISSING_INIT", path: lost.dir, message });
  }
  for (const { code, subject, message } of store.users.warnings) {
    if (subject === target.id && code === "BAD_MOUNT") union.warnings.push({ code, path: subject, message });
  }
  return opened(target, layers, union);
}

function opened(target: RootfsTarget, layers: readonly UnionLayer[], union: Union): OpenedRootfs {
  return { target, layers, union, [Symbol.dispose]: () => union[Symbol.dispose]() };
}

function layerAt(layers: readonly UnionLayer[], index: number, target: string): UnionLayer {
  const layer = layers.find((one) => one.index === index);
  if (layer !== undefined) return layer;
  const known = layers.map((one) => one.index);
  const range = known.length === 0 ? "no layers" : `layers ${Math.min(...known)} to ${Math.max(...known)}`;
  throw new OvlError("NOT_FOUND", `${target} has no layer ${index}; it has ${range}`, { target, layer: index });
}

/** The view of a target. The caller disposes it. @param ids null: owners as they are on the disk */
export function openUnion(store: Store, layers: readonly UnionLayer[], ids: Ids | null = null): Union {
  for (const { dir } of layers) refuseSymlinks(dir);
  const marks = marksOf(store);
  const union = new Union(
    layers.map(({ dir }) => dir),
    { userXattrs: marks !== "trusted", ids },
  );
  if (marks === "unreadable" && layers.length > 1) {
    const path = store.driver.home;
    const message = `the layers in ${path} are root's, and only root with CAP_SYS_ADMIN can read which of their directories hide those below: unless ovl wrote them without that right, files that an upper layer has hidden may show; run ovl as root of the machine`;
    union.warnings.push({ code: "UNPRIVILEGED", path, message });
  }
  return union;
}

/** One layer as it is on disk, its whiteouts shown. The caller disposes it. */
export function openSingleLayer(store: Store, layer: UnionLayer): Union {
  refuseSymlinks(layer.dir);
  const userXattrs = marksOf(store) !== "trusted";
  return new Union([layer.dir], { userXattrs, showsWhiteouts: true, ids: layerIds(layer.dir) });
}

/**
 * By which attributes the layers are marked: `user` where they are an ordinary user's, who can set only those and
 * mounts with `userxattr`; `unreadable` where they are root's, and this process is not allowed to see root's marks.
 */
function marksOf(store: Store): "trusted" | "user" | "unreadable" {
  const owner = lstatSync(store.driver.home, { throwIfNoEntry: false })?.uid ?? 0;
  if (owner !== 0) return "user";
  if (seesTrusted()) return "trusted";
  return process.getuid?.() === 0 && !isMachineRoot() ? "user" : "unreadable";
}
