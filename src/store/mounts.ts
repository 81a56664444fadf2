/**
 * The containers of a root, as far as images and layers are concerned: who uses which.
 * Two places tell: `layerdb/mounts/<id>`, which keeps layers alive, and `containers/<id>/config.v2.json`.
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { readId, readNames, readSmall } from "../driver/files.js";
import { asOvlError, errnoOf, OvlError, osError } from "../errors.js";
import { type CacheId, type ChainId, type ImageId, isChainId, isImageId } from "../model/digest.js";
import { isJsonObject, type JsonObject } from "../model/go-shape.js";
import { parseJson } from "../model/json.js";
import { isMountId } from "../model/mount-id.js";
import type { Layout } from "./layout.js";
import { processLives } from "./process.js";
import type { StoreWarning } from "./warning.js";

/** A read-write layer: `layerdb/mounts/<container id>`. */
export interface Mount {
  readonly containerId: string;
  /** null where the file is missing or invalid. */
  readonly mountId: CacheId | null;
  readonly initId: CacheId | null;
  /** The image's top layer; null for an image without layers. */
  readonly parent: ChainId | null;
}

export interface Container {
  readonly id: string;
  /** Without the slash that docker stores; empty where it has none. */
  readonly name: string;
  /** null where the config names no image. */
  readonly imageId: ImageId | null;
  /** Marked as running, and its process exists: a daemon that was killed leaves the mark behind. */
  readonly running: boolean;
  /** config.v2.json as it is: what nobody has checked. */
  readonly config: JsonObject;
  /** null where the store has no read-write layer for it: dockerd does not list such a container. */
  readonly mount: Mount | null;
}

/** Bytes of a `config.v2.json`, which grows with its container's environment and mounts. */
export const MAX_CONFIG_V2 = 16 * 1024 * 1024;

/** @param layerDb ROOT/image/<driver>/layerdb */
export function readMounts(layerDb: string, layout: Layout): { mounts: Mount[]; warnings: StoreWarning[] } {
  const mounts: Mount[] = [];
  const warnings: StoreWarning[] = [];
  for (const containerId of directoriesIn(join(layerDb, "mounts"), layout)) {
    const dir = join(layerDb, "mounts", containerId);
    const mountId = readId(join(dir, "mount-id"));
    const initId = readId(join(dir, "init-id"));
    const parent = readId(join(dir, "parent"));
    const mount: Mount = {
      containerId,
      mountId: mountId !== null && isMountId(mountId) ? mountId : null,
      initId: initId !== null && isMountId(initId) ? initId : null,
      parent: parent !== null && isChainId(parent) ? parent : null,
    };
    // What can be read of a broken one still counts for what must not be deleted.
    mounts.push(mount);
    const isBad = (name: string) => readSmall(join(dir, name)).kind === "bad";
    const broken =
      mount.mountId === null
        ? "mount-id"
        : initId !== mount.initId || (initId === null && isBad("init-id"))
          ? "init-id"
          : (parent !== mount.parent || (parent === null && isBad("parent"))) && "parent";
    if (broken === false) continue;
    const message = `${join(dir, broken)} is missing or invalid: dockerd does not list this container`;
    warnings.push({ code: "BAD_MOUNT", subject: containerId, message });
  }
  return { mounts, warnings };
}

/**
 * @param driver containers of another driver are skipped, as dockerd skips them
 * @param daemonRuns asked where a container is marked as running: what a live dockerd has written is so
 */
export function readContainers(
  root: string,
  driver: string,
  mounts: readonly Mount[],
  { layout, daemonRuns }: { readonly layout: Layout; readonly daemonRuns: () => boolean },
): { containers: Container[]; warnings: StoreWarning[] } {
  const byContainer = new Map(mounts.map((mount) => [mount.containerId, mount]));
  const containers: Container[] = [];
  const warnings: StoreWarning[] = [];
  for (const id of directoriesIn(join(root, "containers"), layout)) {
    const mount = byContainer.get(id) ?? null;
    byContainer.delete(id);
    const path = join(root, "containers", id, "config.v2.json");
    try {
      const config = readConfig(path);
      if (config["Driver"] !== driver) continue;
      const { Image: image, Name: name, State: state } = config;
      containers.push({
        id,
        name: typeof name === "string" ? name.replace(/^\//, "") : "",
        imageId: typeof image === "string" && isImageId(image) ? image : null,
        running: isJsonObject(state) && state["Running"] === true && (processLives(state) || daemonRuns()),
        config,
        mount,
      });
    } catch (thrown) {
      if (!(thrown instanceof OvlError) || thrown.code === "IO") throw thrown;
      const code = thrown.code === "PERMISSION" ? "UNREAD_CONTAINER" : "BAD_CONTAINER";
      warnings.push({ code, subject: id, message: thrown.message });
    }
  }
  const copies = containers.filter((container) => isCopy(container, containers));
  for (const { id, config } of copies) {
    const what = `${join(root, "containers", id)} is a copy of that of container ${String(config["ID"])}`;
    const message = `container ${id} is left out: ${what}, which dockerd does not load; "ovl fsck --repair" moves it aside`;
    warnings.push({ code: "BAD_CONTAINER", subject: id, message });
  }
  // A daemon makes a container's layers first, and removes them last.
  if (byContainer.size > 0 && !daemonRuns()) warnings.push(...[...byContainer.keys()].map((id) => lost(root, id)));
  return { containers: containers.filter((container) => !copies.includes(container)), warnings };
}

/** Whether it has the id, and so the name, of another that is there, and no layers. */
function isCopy({ id, config, mount }: Container, containers: readonly Container[]): boolean {
  const { ID } = config;
  if (ID === id || mount !== null) return false;
  return containers.some((other) => other.id === ID && other.config["ID"] === ID);
}

function lost(root: string, id: string): StoreWarning {
  const message = `container ${id} is left out: ${join(root, "containers", id)} is missing, and only its layers are left; ovl fsck says what they hold`;
  return { code: "BAD_CONTAINER", subject: id, message };
}

/** Names of the volumes below ROOT/volumes that were made for a container and that nobody has named. */
export function anonymousVolumes(config: JsonObject): string[] {
  const points = isJsonObject(config["MountPoints"]) ? Object.values(config["MountPoints"]).filter(isJsonObject) : [];
  return points.flatMap(({ Type, Driver, Name, Spec }) => {
    const named = isJsonObject(Spec) && typeof Spec["Source"] === "string" && Spec["Source"] !== "";
    if (Type !== "volume" || Driver !== "local" || named || typeof Name !== "string") return [];
    return /^[0-9a-f]{64}$/.test(Name) ? [Name] : [];
  });
}

/** A config.v2.json. Throws BAD_ROOT, PERMISSION. */
export function readConfig(path: string): JsonObject {
  const file = readSmall(path, MAX_CONFIG_V2);
  if (file.kind === "absent") throw new OvlError("BAD_ROOT", `${path} is missing`, { path });
  if (file.kind === "bad" && file.reason === "EACCES") throw osError("EACCES", `read ${path}`, { path });
  if (file.kind === "bad") throw new OvlError("BAD_ROOT", `${path} ${file.reason}`, { path });
  const json = parseJson(file.bytes, { subject: path, code: "BAD_ROOT", maxBytes: MAX_CONFIG_V2, trailing: "ignore" });
  if (!isJsonObject(json)) throw new OvlError("BAD_ROOT", `${path} is not a JSON object`, { path });
  return json;
}

function directoriesIn(path: string, layout: Layout): string[] {
  if (layout.obstacleTo(path) !== null) return [];
  try {
    return readNames(path)
      .filter((name) => lstatSync(join(path, name), { throwIfNoEntry: false })?.isDirectory())
      .sort();
  } catch (thrown) {
    const code = errnoOf(thrown);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw asOvlError(thrown);
  }
}
