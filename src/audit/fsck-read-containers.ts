/** Containers and their entries in layerdb, as they are on disk. */
import { join } from "node:path";
import { OvlError } from "../errors.js";
import { isChainId, isImageId } from "../model/digest.js";
import { isJsonObject } from "../model/go-shape.js";
import { parseJson } from "../model/json.js";
import { isMountId } from "../model/mount-id.js";
import { isContainerId } from "./fsck-container-ids.js";
import type { FsckFiles } from "./fsck-files.js";
import type { ContainerRecord, MountRecord } from "./fsck-picture.js";
import { field } from "./fsck-read-layers.js";
import type { Listing } from "./listing.js";

const MAX_JSON = 16 * 1024 * 1024;

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

/** By the names of their directories. */
export function readContainers(files: FsckFiles, path: string, listing: Listing): Map<string, ContainerRecord> {
  const containers = new Map<string, ContainerRecord>();
  for (const { name, kind } of listing.values()) {
    if (kind !== "directory" || !isContainerId(name)) continue;
    const dir = join(path, name);
    const { json, problem } = readJson(files, join(dir, "config.v2.json")) ?? { json: null, problem: "it is missing" };
    const config = isJsonObject(json) ? json : null;
    const image = config?.["Image"];
    containers.set(name, {
      id: name,
      dir,
      config,
      problem: problem ?? (config === null ? "it is no JSON object" : null),
      hostConfig: readJson(files, join(dir, "hostconfig.json")) ?? { json: {}, problem: null },
      imageId: typeof image === "string" && isImageId(image) ? image : null,
    });
  }
  return containers;
}

/** null for a file that is not there. */
function readJson(files: FsckFiles, path: string): { json: unknown; problem: string | null } | null {
  const file = files.read(path, MAX_JSON);
  if (file.kind === "absent") return null;
  if (file.kind === "bad") return { json: null, problem: `it ${file.reason}` };
  if (file.bytes.length === 0) return { json: null, problem: "it is empty" };
  try {
    const json = parseJson(file.bytes, { subject: path, code: "BAD_ROOT", maxBytes: MAX_JSON, trailing: "ignore" });
    return { json, problem: null };
  } catch (thrown) {
    if (thrown instanceof OvlError) return { json: null, problem: "it is no JSON" };
    throw thrown;
  }
}
