/** Mounting what a container or an image shows, with the kernel's overlay filesystem. */
import { accessSync, constants, realpathSync } from "node:fs";
import type { MountPlan } from "../driver/driver.js";
import { layerMounts } from "../driver/layer-mounts.js";
import { errnoOf, OvlError, osError } from "../errors.js";
import { byteStringOf } from "../model/bytes.js";
import type { CacheId, ImageId } from "../model/digest.js";
import type { Container } from "../store/mounts.js";
import type { Store } from "../store/store.js";
import { missingLayer, readImage } from "../store/stored-image.js";
import { EPERM, errnoName } from "../sys/errno.js";
import { MS_BIND, MS_RDONLY, MS_REMOUNT, mount, mountFrom, unmount } from "../sys/mount.js";
import { damageOf } from "./damage.js";
import { labelOf } from "./label.js";
import { overlayOptions } from "./mount-options.js";
import { givenPoint, type MountPoint, ownPoint, type Place } from "./mount-point.js";

export interface MountRequest {
  /** An empty directory; null for a place of the mount's own. */
  readonly dir: string | null;
  readonly readOnly: boolean;
  /** Which place of its own. */
  readonly place: Place;
}

export interface Mounted {
  /** Absolute, without symlinks. */
  readonly path: string;
  readonly readOnly: boolean;
}

/**
 * Mounts a container: for writing once at a time, whatever the place.
 * Throws IN_USE, BAD_ROOT for a damaged container, PERMISSION, TOO_MANY_LAYERS.
 */
export async function mountContainer(store: Store, container: Container, request: MountRequest): Promise<Mounted> {
  const damage = damageOf(store, container);
  if (damage !== null) throw new OvlError("BAD_ROOT", damage.message, { container: container.id, path: damage.path });
  const mountId = container.mount?.mountId as CacheId;
  if (!request.readOnly) {
    refuseSecondWriter(store, container, mountId);
    refuseReadOnlyDisk(store, container, mountId);
  }
  return mountLayer(store, mountId, request);
}

/** Mounts an image, which is always read-only. Throws as `mountContainer`. */
export async function mountImage(store: Store, id: ImageId, request: MountRequest): Promise<Mounted> {
  const image = readImage(store, id);
  const missing = missingLayer(store, image);
  if (missing !== null) throw new OvlError("BAD_ROOT", missing, { image: id });
  const top = image.layers.at(-1) ?? null;
  if (top === null)
    throw new OvlError("BAD_ROOT", `image ${id} has no layers, so it has nothing to mount`, { image: id });
  return mountLayer(store, top.cacheId, { ...request, readOnly: true });
}

/** Two overlays that write to one directory damage it; a running container's own mount may be in another namespace. */
function refuseSecondWriter(store: Store, { id, name, running }: Container, mountId: CacheId): void {
  const who = labelOf({ id, name });
  if (running) {
    throw new OvlError("IN_USE", `${who} is running, which is a mount of its own; stop it, or use --read-only`, {
      container: id,
    });
  }
  const other = layerMounts(store.driver).find((mounted) => mounted.cacheId === mountId && !mounted.readOnly);
  if (other === undefined) return;
  throw new OvlError(
    "IN_USE",
    `${who} is mounted on ${other.point} already; unmount it first: ovl umount ${name || id}`,
    {
      container: id,
      path: other.point,
    },
  );
}

/** The kernel says EINVAL, for this and for much else. */
function refuseReadOnlyDisk(store: Store, container: Container, mountId: CacheId): void {
  const path = store.driver.contentDir(mountId);
  try {
    accessSync(path, constants.W_OK);
  } catch (thrown) {
    if (errnoOf(thrown) !== "EROFS") return;
    const message = `${labelOf(container)} cannot be mounted for writing: ${path} is on a read-only file system; use --read-only`;
    throw new OvlError("PERMISSION", message, { container: container.id, path, errno: "EROFS" });
  }
}

async function mountLayer(store: Store, cacheId: CacheId, request: MountRequest): Promise<Mounted> {
  const plan = store.driver.mountPlan(cacheId, request.readOnly);
  const point = request.dir === null ? ownPoint(store, cacheId, request.place) : givenPoint(request.dir);
  try {
    const home = realpathSync(store.driver.home);
    const result = plan.kind === "bind" ? bind(plan, home, point) : await overlay(plan, home, point, request.readOnly);
    if (result < 0) throw refused(-result, point.path);
  } catch (thrown) {
    point.undo();
    throw thrown;
  }
  return { path: point.path, readOnly: request.readOnly };
}

async function overlay(
  plan: Extract<MountPlan, { kind: "overlay" }>,
  home: string,
  point: MountPoint,
  readOnly: boolean,
): Promise<number> {
  const { text, relative } = overlayOptions(plan, home);
  const source = byteStringOf("overlay");
  const [target, options] = [byteStringOf(point.path), byteStringOf(text)];
  const flags = readOnly ? MS_RDONLY : 0;
  if (!relative) return mount(source, target, source, flags, options);
  return mountFrom(byteStringOf(home), { source, target, type: source, flags, options });
}

/** The kernel makes no overlay of one directory. A bind mount becomes read-only in a second step. */
function bind({ source }: Extract<MountPlan, { kind: "bind" }>, home: string, point: MountPoint): number {
  const [none, target] = [byteStringOf(""), byteStringOf(point.path)];
  const bound = mount(byteStringOf(`${home}/${source}`), target, none, MS_BIND, none);
  if (bound < 0) return bound;
  const restricted = mount(none, target, none, MS_REMOUNT | MS_BIND | MS_RDONLY, none);
  if (restricted < 0) unmount(target, 0);
  return restricted;
}

function refused(errno: number, path: string): OvlError {
  const name = errnoName(errno);
  if (errno === EPERM) {
    return new OvlError(
      "PERMISSION",
      `cannot mount on ${path}: only root may mount, or root of a user namespace on Linux 5.11 and later; "ovl rootfs" and "ovl export" give the same files without a mount`,
      { path, errno: name },
    );
  }
  if (name === "ENODEV") {
    return new OvlError("IO", `cannot mount on ${path}: this kernel has no overlay filesystem; use "ovl rootfs"`, {
      path,
      errno: name,
    });
  }
  return osError(name, `mount the layers on ${path}`, { path });
}
