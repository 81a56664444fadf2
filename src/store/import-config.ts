/** The config of an imported image, in the form that dockerd 20.10 gives it. */
import type { DiffId } from "../model/digest.js";
import { type GoStruct, type GoValue, goJson } from "../model/go-json.js";
import { isJsonObject, type JsonObject } from "../model/go-shape.js";
import type { Platform } from "../model/platform.js";
import { goConfig } from "./go-config.js";

export interface ImportedImage {
  /** container.Config by docker's keys, as far as it is not the zero value. */
  readonly config: JsonObject;
  /** Of the image and of its history's only step. */
  readonly message: string;
  readonly platform: Platform;
  /** RFC 3339. */
  readonly created: string;
}

/**
 * The bytes, whose sha256 is the image id. Keys of the document are sorted, those within it in the order of Go's
 * structs. `docker_version` is left out: docker has not made it.
 */
export function importedConfig(diffId: DiffId, image: ImportedImage): Buffer {
  const { config, message, platform, created } = image;
  const document = new Map<string, GoValue>([
    ["architecture", platform.architecture],
    ["comment", message],
    ["config", goStructOf(goConfig(config))],
    ["container_config", goStructOf(goConfig({}))],
    ["created", created],
    ["history", [{ created, comment: message }]],
    ["os", platform.os],
    ["rootfs", { type: "layers", diff_ids: [diffId] }],
  ]);
  if (platform.variant !== null) document.set("variant", platform.variant);
  return Buffer.from(goJson(document));
}

/** Go's maps, whose keys are sorted by bytes; a JavaScript object puts keys that are numbers first. */
const MAPS: ReadonlySet<string> = new Set(["ExposedPorts", "Volumes", "Labels"]);

/** The struct as `goJson` writes it. */
export function goStructOf(config: JsonObject): GoStruct {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key,
      (MAPS.has(key) && isJsonObject(value) ? new Map(Object.entries(value)) : value) as GoValue,
    ]),
  );
}
