/** Making a container of a stored image, as `docker create` leaves it on disk. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { syncDirectory } from "../driver/files.js";
import { refuseRemapped } from "../driver/layer-ids.js";
import { OvlError } from "../errors.js";
import { byteStringOf } from "../model/bytes.js";
import { formatPlatform, hostPlatform } from "../model/platform.js";
import { now } from "../model/time.js";
import { Union } from "../rootfs/union.js";
import type { Layer } from "../store/layerdb.js";
import { MAX_DEPTH } from "../store/new-layer.js";
import { resolveImage } from "../store/resolve.js";
import type { Store } from "../store/store.js";
import { missingLayer, readImage, type StoredImage } from "../store/stored-image.js";
import type { StoreWarning } from "../store/warning.js";
import { isMachineRoot, seesTrusted } from "../sys/privilege.js";
import { containerJson } from "./container-json.js";
import { hostConfigJson } from "./host-config.js";
import { fillInitLayer } from "./init-layer.js";
import { checkName, makeName } from "./name.js";
import { NewContainer } from "./new-container.js";
import { type RunOptions, runConfig } from "./run-config.js";
import { UpperLayer } from "./upper.js";
import { makeVolumes, mountPointsOf, nameVolumes } from "./volumes.js";

export interface CreateOptions extends RunOptions {
  /** null: one is made up. */
  readonly name: string | null;
  /** Ends the copying of files into volumes. */
  readonly signal?: AbortSignal | undefined;
}

export interface CreatedContainer {
  readonly id: string;
  readonly name: string;
  readonly warnings: readonly StoreWarning[];
}

/**
 * @param imageName as the user calls the image: name, id, or the beginning of one
 * Throws NOT_FOUND, AMBIGUOUS, IN_USE for a name that another container has, USAGE, BAD_ROOT for a damaged image.
 */
export async function createContainer(
  store: Store,
  imageName: string,
  options: CreateOptions,
): Promise<CreatedContainer> {
  const image = usableImage(store, imageName);
  const id = newContainerId();
  const name = nameFor(store, id, options.name);
  const run = runConfig(image.config, imageName, id, options);
  const volumes = nameVolumes(run.volumes);
  const privileged = isMachineRoot();
  const top = image.layers.at(-1) ?? null;
  const created = now();

  using container = new NewContainer(store, id, top);
  const { driver } = store;
  driver.create(container.initId, top?.cacheId ?? null);
  fillInitLayer(container.initDir, top === null ? [] : contentDirs(store, top), privileged);
  driver.create(container.mountId, container.initId);
  const dirs = [container.dir, ...driver.lowerDirs(container.mountId)];
  if (run.workingDir !== null) makeWorkingDirectory(dirs, run.workingDir, privileged);
  for (const dir of [
    join(container.initDir, "etc"),
    join(container.initDir, "dev"),
    container.initDir,
    container.dir,
  ]) {
    syncIfThere(dir);
  }
  const document = { id, name, named: options.name !== null, imageId: image.id, created, driver: driver.name, run };
  const mountPoints = mountPointsOf(volumes);
  container.writeDocuments(hostConfigJson(), containerJson({ ...document, mountPoints }));
  await makeVolumes(store.root, volumes, dirs, { userXattrs: !seesTrusted(), signal: options.signal });
  container.commit();
  return { id, name, warnings: platformWarnings(image, imageName) };
}

function usableImage(store: Store, imageName: string): StoredImage {
  if (store.driver.name !== "overlay2") {
    throw new OvlError(
      "BAD_ROOT",
      `ovl makes containers on the overlay2 driver; ${store.root} has ${store.driver.name}, which it only reads`,
      { root: store.root },
    );
  }
  refuseRemapped(store.driver);
  const image = readImage(store, resolveImage(store, imageName));
  const missing = missingLayer(store, image);
  if (missing !== null) throw new OvlError("BAD_ROOT", missing, { image: image.id });
  if (image.layers.length <= MAX_DEPTH) return image;
  throw new OvlError(
    "TOO_MANY_LAYERS",
    `image ${imageName} has ${image.layers.length} layers; a container stands on at most ${MAX_DEPTH}`,
    { image: image.id, layers: image.layers.length, limit: MAX_DEPTH },
  );
}

/** 64 hex digits. The first twelve are the container's host name, and no host name is a number. */
function newContainerId(): string {
  for (;;) {
    const id = randomBytes(32).toString("hex");
    if (!/^[0-9]{12}/.test(id)) return id;
  }
}

function nameFor(store: Store, id: string, wanted: string | null): string {
  const { containers } = store.users;
  if (wanted === null) return makeName(new Set(containers.map(({ name }) => name)), id);
  const name = checkName(wanted);
  const owner = containers.find((container) => container.name === name);
  if (owner === undefined) return name;
  throw new OvlError(
    "IN_USE",
    `the name ${name} is already in use by container ${owner.id}; remove that container or choose another name`,
    { name, container: owner.id },
  );
}

/** Topmost first. */
function contentDirs(store: Store, { cacheId }: Layer): string[] {
  return [store.driver.contentDir(cacheId), ...store.driver.lowerDirs(cacheId)];
}

/** dockerd makes it in the container's own layer, where it shows as a change. */
function makeWorkingDirectory(dirs: readonly string[], workingDir: string, privileged: boolean): void {
  using union = new Union(dirs, { userXattrs: !seesTrusted() });
  using upper = new UpperLayer(union, privileged);
  using found = union.locate(byteStringOf(workingDir), "all");
  const obstacle = found.entry?.type === "directory" ? null : (found.entry ?? found.obstacle);
  if (obstacle !== null) {
    throw new OvlError("BAD_CONFIG", `the working directory ${workingDir} is a ${obstacle.type} in the image`, {
      path: workingDir,
    });
  }
  upper.makeDirectories(found.path, 0o755);
}

function syncIfThere(dir: string): void {
  try {
    syncDirectory(dir);
  } catch {
    // An image may have both as files' parents of its own; what is not there needs no sync.
  }
}

function platformWarnings({ config, id }: StoredImage, imageName: string): StoreWarning[] {
  const host = hostPlatform();
  if (config.platform.architecture === "" || config.platform.architecture === host.architecture) return [];
  const message = `image ${imageName} is for ${formatPlatform(config.platform)}, this machine is ${formatPlatform(host)}`;
  return [{ code: "PLATFORM", subject: id, message }];
}
