/** What a directory is, as a docker root, and which storage driver its images belong to. */
import { statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DRIVERS, type DriverName } from "../driver/driver.js";
import { readNames } from "../driver/files.js";
import { isDirectory } from "../driver/is-directory.js";
import { asOvlError, errnoOf, OvlError } from "../errors.js";

export interface RootLayout {
  /**
   * `absent`: nothing there; `empty`: a directory that holds nothing yet; `docker`: a root with images
   * or room for them.
   */
  readonly kind: "absent" | "empty" | "docker";
  readonly driver: DriverName;
}

/** Drivers that moby has or had, and ovl has not. */
const OTHER_DRIVERS = ["aufs", "btrfs", "devicemapper", "fuse-overlayfs", "overlayfs", "vfs", "windowsfilter", "zfs"];

/** What dockerd makes in its root, beside `image/`, when it has not stored an image yet. */
const DOCKER_ENTRIES = ["containers", "volumes", "overlay2", "buildkit", "swarm", "network", "plugins", "runtimes"];

/**
 * @param path of the root, absolute
 * @param named the driver asked for, null for the one that is found
 * Throws BAD_ROOT, which says what the directory is and what to do with it, and USAGE where it has two drivers.
 */
export function examineRoot(path: string, named: DriverName | null): RootLayout {
  const entries = entriesOf(path);
  if (entries === null) return { kind: "absent", driver: named ?? "overlay2" };
  // A filesystem made for the purpose comes with lost+found.
  if (entries.every((name) => name === "lost+found")) return { kind: "empty", driver: named ?? "overlay2" };
  const images = entries.includes("image") ? (entriesOf(join(path, "image")) ?? []) : [];
  const found = DRIVERS.filter((driver) => images.includes(driver));
  if (found.length > 0 || (named !== null && isDockerRoot(entries)))
    return { kind: "docker", driver: choose(path, found, named) };
  const other = whatElse(path, entries, images);
  if (other !== null) throw new OvlError("BAD_ROOT", `${path} is ${other}`, { root: path });
  if (isDockerRoot(entries)) return { kind: "docker", driver: named ?? "overlay2" };
  throw new OvlError(
    "BAD_ROOT",
    `${path} is no docker root: it has no image/overlay2 or image/overlay, and is not empty`,
    {
      root: path,
    },
  );
}

function choose(path: string, found: readonly DriverName[], named: DriverName | null): DriverName {
  if (named !== null) return named;
  const [only, second] = found;
  if (only !== undefined && second === undefined) return only;
  throw new OvlError(
    "USAGE",
    `${path} has images of several drivers: ${found.join(", ")}; choose one with --storage-driver`,
    {
      root: path,
      drivers: found,
    },
  );
}

function isDockerRoot(entries: readonly string[]): boolean {
  return entries.includes("image") || DOCKER_ENTRIES.filter((name) => entries.includes(name)).length >= 3;
}

/** What a directory is that is not ours, and what to do instead; null where there is no telling. */
function whatElse(path: string, entries: readonly string[], images: readonly string[]): string | null {
  const driver = OTHER_DRIVERS.find((name) => images.includes(name));
  if (driver !== undefined) {
    return `a docker root of storage driver ${driver}; ovl works on overlay2 and overlay: use "docker save" there, then "ovl pull" of the archive`;
  }
  if (entries.includes("overlay-images") || entries.includes("overlay-layers") || entries.includes("libpod")) {
    return `the storage of podman, CRI-O or buildah; use "podman save", then "ovl pull" of the archive`;
  }
  if (usesContainerd(path, entries)) {
    return `a docker root with the containerd image store (the default of Docker 29), where layers are containerd's; use "docker save", then "ovl pull" of the archive`;
  }
  if (entries.some((name) => name.startsWith("io.containerd."))) {
    return `the root of containerd; use "ctr image export", then "ovl pull" of the archive`;
  }
  if (entries.includes("oci-layout")) return `an OCI image layout; "ovl pull ${path}" brings its images into a root`;
  const remapped = entries.find((name) => /^\d+\.\d+$/.test(name) && entriesOf(join(path, name, "image")) !== null);
  if (remapped !== undefined) {
    return `a docker root with remapped user ids; each mapping is a root of its own: use --root ${join(path, remapped)}`;
  }
  return insideRoot(path);
}

function usesContainerd(path: string, entries: readonly string[]): boolean {
  if (entries.includes("rootfs") && (entries.includes("engine-id") || entries.includes("buildkit"))) return true;
  const state = entries.includes("containerd") ? (entriesOf(join(path, "containerd", "daemon")) ?? []) : [];
  const blobs = join(path, "containerd", "daemon", "io.containerd.content.v1.content", "blobs");
  return state.includes("io.containerd.content.v1.content") && (entriesOf(blobs) ?? []).length > 0;
}

/** `/var/lib/docker/overlay2` and the like. */
function insideRoot(path: string): string | null {
  for (let above = dirname(path), depth = 0; depth < 3 && above !== dirname(above); above = dirname(above), depth++) {
    if (DRIVERS.some((driver) => isDirectory(join(above, "image", driver)))) {
      return `a part of a docker root (${basename(path)}); use --root ${above}`;
    }
  }
  return null;
}

/** Names in a directory, null where there is none. Throws BAD_ROOT for what is no directory. */
function entriesOf(path: string): string[] | null {
  try {
    return readNames(path);
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return null;
    if (errnoOf(thrown) === "ENOTDIR" && statSync(path, { throwIfNoEntry: false }) !== undefined) {
      throw new OvlError("BAD_ROOT", `${path} is no directory`, { root: path });
    }
    throw asOvlError(thrown);
  }
}
