/** Containers and their entries in layerdb, as they are on disk. */
import { join } from "node:path";
import { OvlError } from "../errors.js";
import { type CacheId, isChainId, isImageId } from "../model/digest.js";
import { isJsonObject, type JsonObject } from "../model/go-shape.js";
import { parseJson } from "../model/json.js";
import type { FsckFiles } from "./fsck-files.js";
import type { ContainerRecord, MountRecord } from "./fsck-picture.js";
import { field } from "./fsck-read-layers.js";
import type { Listing } from "./listing.js";

const MAX_CONFIG_V2 = 16 * 1024 * 1024;
const CONTAINER_ID = /^[0-9a-f]{64}$/;

export function isContainerId(name: string): boolean {
  return CONTAINER_ID.test(name);
}

export function readMounts(files: FsckFiles, path: string, listing: Listing): Map<string, MountRecord> {
  const mounts = new Map<string, MountRecord>();
  for (const { name, kind } of listing.values()) {
    if (kind !== "directory" || !isContainerId(name)) continue;
    const dir = join(path, name);
    const found = files.listWithTexts(dir, ["mount-id", "init-id", "parent"]);
    if (found === null || typeof found === "string") continue;
    const [mountId, initId, parent] = found.texts;
    mounts.set(name, {
      containerId: name,
      dir,
      entries: found.entries,
      mountId: field(mountId, isMountId),
      initId: field(initId, isMountId),
      parent: field(parent, isChainId),
    });
  }
  return mounts;
}

function isMountId(text: string): text is CacheId {
  return /^[0-9a-f]{64}(-init)?$/.test(text);
}

export function readContainers(files: FsckFiles, path: string, listing: Listing): Map<string, ContainerRecord> {
  const containers = new Map<string, ContainerRecord>();
  for (const { name, kind } of listing.values()) {
    if (kind !== "directory" || !isContainerId(name)) continue;
    const dir = join(path, name);
    const config = readConfig(files, join(dir, "config.v2.json"));
    if (typeof config === "string") {
      containers.set(name, { id: name, dir, config: null, problem: config, imageId: null });
      continue;
    }
    const image = config["Image"];
    const imageId = typeof image === "string" && isImageId(image) ? image : null;
    containers.set(name, { id: name, dir, config, problem: null, imageId });
  }
  return containers;
}

function readConfig(files: FsckFiles, path: string): JsonObject | string {
  const file = files.read(path, MAX_CONFIG_V2);
  if (file.kind === "absent") return "it is missing";
  if (file.kind === "bad") return `it ${file.reason}`;
  if (file.bytes.length === 0) return "it is empty";
  try {
    const json = parseJson(file.bytes, {
      subject: path,
      code: "BAD_ROOT",
      maxBytes: MAX_CONFIG_V2,
      trailing: "ignore",
    });
    return isJsonObject(json) ? json : "it is no JSON object";
  } catch (thrown) {
    if (thrown instanceof OvlError) return "it is no JSON";
    throw thrown;
  }
}
