/** Doing the steps of a repair: each atomic, and harmless to do again after it was done or interrupted. */
import { randomInt } from "node:crypto";
import { copyFileSync, lstatSync, renameSync, rmdirSync, symlinkSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { remakeInitLayer } from "../container/remake-init.js";
import { ensureDirectory, syncDirectory, writeAtomically } from "../driver/files.js";
import { removeTree } from "../driver/remove-tree.js";
import { errnoOf, OvlError } from "../errors.js";
import type { LayerPipeline } from "../layer/pipeline.js";
import { byteStringOf } from "../model/bytes.js";
import { type CacheId, type ChainId, hexOf } from "../model/digest.js";
import { type ContainerPlace, finishRemoval, removeUnfinishedConfig } from "../store/container-removal.js";
import type { Store } from "../store/store.js";
import { must } from "../sys/errno.js";
import { makeDirectories } from "../sys/make-directories.js";
import { unmount } from "../sys/mount.js";
import { countSize } from "./count-size.js";
import { directoriesOf, type Proofs, provenDirectory } from "./find-directory.js";
import type { Doubt } from "./fsck-doubts.js";
import type { Step } from "./fsck-finding.js";
import { LOST_AND_FOUND } from "./fsck-read-layers.js";
import { mendEntry } from "./mend-entry.js";

/** @param proofs of one round */
export async function doStep(
  store: Store,
  pipeline: LayerPipeline,
  step: Step,
  proofs: Proofs = new Map(),
): Promise<void> {
  if ("path" in step) stayInside(store, step.path);
  if ("to" in step) stayInside(store, step.to);
  switch (step.do) {
    case "write":
      makeWay(store, step.path);
      ensureDirectory(dirname(step.path), 0o755);
      writeAtomically(step.path, step.content, step.mode);
      return;
    case "link":
      return link(store, step.path, step.target);
    case "mkdir":
      ensureDirectory(step.path, step.mode);
      syncDirectory(dirname(step.path));
      return;
    case "remove":
      removeTree(step.path);
      // Another step may have taken the whole directory.
      if (kindOf(dirname(step.path)) !== null) syncDirectory(dirname(step.path));
      return;
    case "rmdir":
      return removeEmpty(step.path);
    case "rename":
      if (kindOf(step.path) !== null) renameSync(step.path, step.to);
      syncDirectory(dirname(step.to));
      return;
    case "set-aside":
      setAside(store, step.path);
      return;
    case "keep-copy":
      if (kindOf(step.path) === "file") copyFileSync(step.path, freePlace(store, store.root, step.path));
      return;
    case "unmount":
      must(unmount(byteStringOf(step.path), 0), `unmount ${step.path}`, { path: step.path });
      return;
    case "drop-directory":
      store.driver.remove(step.cacheId);
      return;
    case "drop-layer":
      store.layers.remove(
        { chainId: step.chainId, cacheId: step.cacheId, diffId: step.diffId, parent: null, size: 0 },
        false,
      );
      return;
    case "drop-container":
      removeUnfinishedConfig(containerPlace(store), step.containerId);
      return;
    case "finish-removal":
      finishRemoval(containerPlace(store), step.containerId);
      return;
    case "init-layer":
      return remakeInit(store, step.containerId);
    case "find-directory":
      return findDirectory(store, pipeline, step);
    case "prove-directories":
      return proveDirectories(store, pipeline, step, proofs);
    case "mend-entry":
      mendEntry(store.driver.contentDir(step.cacheId), step.name, step.node);
      return;
    case "count-size": {
      const size = countSize(store.driver, step.cacheId, store.layers.tarSplitPath(step.chainId));
      const path = join(store.layers.dir(step.chainId), "size");
      makeWay(store, path);
      writeAtomically(path, String(size), 0o644);
    }
  }
}

function containerPlace({ root, layers, driver }: Store): ContainerPlace {
  return { root, layerDb: layers.path, driver };
}

/**
 * Moves something below ROOT/ovl-lost+found under the path that it had; where the driver's directory is on another
 * disk, below an ovl-lost+found there. Nothing there is no failure.
 */
export function setAside(store: Store, path: string): void {
  if (kindOf(path) !== null) moveAside(store, path, dirname(path), Buffer.from(basename(path)));
}

/**
 * `setAside` of what is there, whatever bytes its name has.
 * @param path fit for display
 * @param directory what it is in, @param name the bytes of its name in there
 */
export function moveAside(store: Store, path: string, directory: string, name: Uint8Array): void {
  const from = Buffer.concat([Buffer.from(`${directory}/`), name]);
  let place = freePlace(store, store.root, path);
  try {
    renameSync(from, place);
  } catch (thrown) {
    const { home } = store.driver;
    if (errnoOf(thrown) !== "EXDEV" || !path.startsWith(`${home}/`)) throw thrown;
    place = freePlace(store, home, path);
    renameSync(from, place);
  }
  syncDirectory(dirname(place));
  syncDirectory(directory);
}

/** @param above the directory that has, or gets, the ovl-lost+found */
function freePlace(store: Store, above: string, path: string): string {
  const place = join(above, LOST_AND_FOUND, relative(above, path));
  stayInside(store, place);
  makeDirectories(dirname(place), 0o700);
  for (let i = 0; ; i++) {
    const name = i === 0 ? place : `${place}.${i}`;
    if (kindOf(name) === null) return name;
  }
}

/** No step goes through a symlink, which may lead out of the root. Throws BAD_ROOT. */
function stayInside(store: Store, path: string): void {
  const parts = relative(store.root, dirname(path)).split("/");
  for (let at = store.root; parts.length > 0; ) {
    at = join(at, parts.shift() as string);
    const kind = kindOf(at);
    if (kind === null) return;
    if (kind !== "directory")
      throw new OvlError("BAD_ROOT", `${path} is left as it is: ${at} is no directory`, { path });
  }
}

/** What stands in a file's place and is none may be somebody's. */
function makeWay(store: Store, path: string): void {
  const kind = kindOf(path);
  if (kind !== null && kind !== "file") setAside(store, path);
}

function kindOf(path: string): "file" | "directory" | "other" | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  return stat.isFile() ? "file" : stat.isDirectory() ? "directory" : "other";
}

function link(store: Store, path: string, target: string): void {
  if (kindOf(path) === "directory") setAside(store, path);
  ensureDirectory(dirname(path), 0o700);
  const temporary = join(dirname(path), `.tmp-${basename(path)}${randomInt(2 ** 32)}`);
  symlinkSync(target, temporary);
  renameSync(temporary, path);
  syncDirectory(dirname(path));
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
    syncDirectory(dirname(path));
  } catch (thrown) {
    if (errnoOf(thrown) !== "ENOENT") throw thrown;
  }
}

function remakeInit(store: Store, containerId: string): void {
  const container = store.users.containers.find(({ id }) => id === containerId);
  if (container !== undefined) remakeInitLayer(store, container);
}

async function findDirectory(
  store: Store,
  pipeline: LayerPipeline,
  { chainId, diffId, candidates }: Step & { do: "find-directory" },
): Promise<void> {
  const found = await directoriesOf(store, pipeline, { chainId, diffId }, candidates);
  const [only, second] = found;
  if (only === undefined || second !== undefined) throw unprovable(chainId, found.length, candidates.length);
  writeCacheId(store, chainId, only);
}

/** Each is tried; throws of the first of which nobody can say. */
async function proveDirectories(
  store: Store,
  pipeline: LayerPipeline,
  { layers, then }: Step & { do: "prove-directories" },
  proofs: Proofs,
): Promise<void> {
  let isMoved = false;
  let unproven: Doubt | null = null;
  for (const layer of layers) {
    const proven = await provenDirectory(store, pipeline, layer, proofs);
    if (proven === null) unproven ??= layer;
    else if (proven !== layer.cacheId) {
      writeCacheId(store, layer.chainId, proven);
      isMoved = true;
    }
  }
  if (unproven !== null) throw unprovable(unproven.chainId, 0, unproven.others.length + 1);
  if (!isMoved) for (const step of then) await doStep(store, pipeline, step, proofs);
}

function writeCacheId(store: Store, chainId: ChainId, cacheId: CacheId): void {
  const path = join(store.layers.path, "sha256", hexOf(chainId), "cache-id");
  makeWay(store, path);
  writeAtomically(path, cacheId, 0o644);
}

function unprovable(chainId: ChainId, found: number, of: number): OvlError {
  const what = `${found} of ${of} directories hold the files of layer ${chainId}`;
  return new OvlError("BAD_ROOT", `${what}, so nobody can say which is its own`, { chainId });
}
