/** Unmounting what `ovl mount` or a dockerd that was killed mounted. */
import { realpathSync } from "node:fs";
import { isDirectory } from "../driver/is-directory.js";
import { type LayerMount, layerMounts } from "../driver/layer-mounts.js";
import { mountTable } from "../driver/mount-table.js";
import { OvlError, osError } from "../errors.js";
import { byteStringOf } from "../model/bytes.js";
import type { CacheId } from "../model/digest.js";
import { type RootfsTarget, resolveTarget } from "../rootfs/layers.js";
import type { Container } from "../store/mounts.js";
import type { Store } from "../store/store.js";
import { readImage } from "../store/stored-image.js";
import { EBUSY, EPERM, errnoName } from "../sys/errno.js";
import { MNT_DETACH, unmount } from "../sys/mount.js";
import { labelOf } from "./label.js";
import { removePoint } from "./mount-point.js";

/** The mounts that a name means: of a container, of an image, or on a directory. Throws NOT_FOUND. */
export function mountsOf(store: Store, target: string): LayerMount[] {
  const mounts = layerMounts(store.driver);
  const onDirectory = mounts.filter(({ point }) => point === realOf(target));
  if (onDirectory.length > 0) return onDirectory;
  const cacheId = layerNamed(store, target);
  const found = mounts.filter((mounted) => mounted.cacheId === cacheId);
  if (found.length > 0) return found;
  throw new OvlError("NOT_FOUND", `nothing of ${store.root} is mounted as ${target}; "ovl mount" lists what is`, {
    target,
  });
}

/**
 * Unmounts what is mounted still, latest first, and removes the directory that was made for the mount.
 * @param detach also what is in use: it is gone from the tree at once, and for its users when they are done
 * Throws IN_USE for what is in use, PERMISSION.
 */
export function unmountAll(store: Store, mounts: readonly Pick<LayerMount, "point">[], detach: boolean): string[] {
  const points: string[] = [];
  for (const { point } of mounts.toReversed()) {
    const result = unmount(byteStringOf(point), detach ? MNT_DETACH : 0);
    // A daemon that loses the container's process unmounts by itself, perhaps just before.
    if (result < 0 && mountTable().some((mounted) => mounted.point === point)) throw refused(-result, point);
    removePoint(store, point);
    points.push(point);
  }
  return points;
}

/** All but what a running container lives in. Throws IN_USE where there is nothing else. */
export function unmountable(store: Store, mounts: readonly LayerMount[]): LayerMount[] {
  const free = mounts.filter((mount) => tenantOf(store, mount) === undefined);
  const [first] = mounts;
  const container = first && free.length === 0 ? tenantOf(store, first) : undefined;
  if (first === undefined || container === undefined) return free;
  const message = `${first.point} is what ${labelOf(container)} runs in; stop it first`;
  throw new OvlError("IN_USE", message, { path: first.point, container: container.id });
}

/** Docker mounts at the layer's own place, for writing; somebody else's view of the layer is not the container's. */
function tenantOf(store: Store, { cacheId, point, readOnly }: LayerMount): Container | undefined {
  if (readOnly && point !== realOf(store.driver.mergedDir(cacheId))) return undefined;
  return store.users.containers.find(({ mount, running }) => running && mount?.mountId === cacheId);
}

function layerNamed(store: Store, target: string): CacheId | null {
  // A path that is no mount point is no name of anything else.
  if (/^\.{0,2}\//.test(target)) return null;
  const found = namedBy(store, target);
  if (found === null) return null;
  if (found.kind === "container") return found.container.mount?.mountId ?? null;
  return readImage(store, found.id).layers.at(-1)?.cacheId ?? null;
}

/** null for a directory that is the name of nothing: then it was meant as one. */
function namedBy(store: Store, target: string): RootfsTarget | null {
  try {
    return resolveTarget(store, target);
  } catch (thrown) {
    const isNoName = thrown instanceof OvlError && (thrown.code === "NOT_FOUND" || thrown.code === "USAGE");
    if (isNoName && isDirectory(realOf(target) ?? "")) return null;
    throw thrown;
  }
}

function realOf(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

function refused(errno: number, path: string): OvlError {
  const name = errnoName(errno);
  if (errno === EBUSY) {
    return new OvlError(
      "IN_USE",
      `${path} is in use: a process has a file open or its working directory there; end it, or detach the mount with --force`,
      { path, errno: name },
    );
  }
  if (errno === EPERM)
    return new OvlError("PERMISSION", `cannot unmount ${path}: only root may`, { path, errno: name });
  return osError(name, `unmount ${path}`, { path });
}
