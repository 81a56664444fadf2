/** Containers and their entries in layerdb, as they are on disk. */
import { join } from "node:path";
import { OvlError } from "../errors.js";
import { type CacheId, isChainId, isImageId } from "../model/digest.js";
import { isJsonObject, type JsonObject } from "../model/go-shape.js";
import { parseJson } from "../model/json.js";
import type { FsckFiles, Listing, Text } from "./fsck-files.js";
import type { ContainerRecord, MountRecord } from "./fsck-picture.js";
import { field } from "./fsck-read-layers.js";

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
    const entries = files.list(dir);
    if (entries === null || typeof entries === "string") continue;
    const text = (file: string): Text => (entries.has(file) ? files.text(`${dir}/${file}`) : { kind: "absent" });
    mounts.set(name, {
      containerId: name,
      dir,
      entries,
      mountId: field(text("mount-id"), isMountId),
      initId: field(text("init-id"), isMountId),
      parent: field(text("parent"), isChainId),
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
