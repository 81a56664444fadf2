/** The config of a committed image, in the form that dockerd 20.10 gives it: image/image.go, `NewChildImage`. */
import type { ImageConfig } from "../model/config.js";
import type { DiffId } from "../model/digest.js";
import { type GoStruct, type GoValue, goJson } from "../model/go-json.js";
import { type JsonObject, objectOf } from "../model/go-shape.js";
import { hostPlatform } from "../model/platform.js";
import { formatRfc3339, parseRfc3339, ZERO_TIME } from "../model/time.js";
import { goConfig } from "../store/go-config.js";
import { goStructOf } from "../store/import-config.js";

export interface CommittedImage {
  readonly containerId: string;
  /** The container's `Config`. */
  readonly containerConfig: JsonObject;
  /** The same with the user's changes. */
  readonly config: JsonObject;
  readonly author: string;
  readonly comment: string;
  /** RFC 3339. */
  readonly created: string;
  /** null for a container that has changed nothing. */
  readonly diffId: DiffId | null;
}

/**
 * The bytes, whose sha256 is the image id. Keys of the document are sorted, those within it in the order of Go's
 * structs. `docker_version` is left out: docker has not made it.
 * @param parent the container's image; null for one without
 */
export function committedConfig(parent: ImageConfig | null, image: CommittedImage): Buffer {
  const { author, created, diffId } = image;
  const host = hostPlatform();
  const json: JsonObject = parent?.json ?? {};
  const diffIds = [...(parent?.diffIds ?? []), ...(diffId === null ? [] : [diffId])];
  const rootfs = objectOf(json["rootfs"]);
  const document = new Map<string, GoValue>([
    ["architecture", parent?.platform.architecture || host.architecture],
    ["config", goStructOf(goConfig(image.config))],
    ["container", image.containerId],
    ["container_config", goStructOf(goConfig(image.containerConfig))],
    ["created", created],
    ["history", [...historyOf(json), entryOf(image)]],
    ["os", "linux"],
    ["rootfs", { type: text(rootfs, "type") || "layers", ...(diffIds.length === 0 ? {} : { diff_ids: diffIds }) }],
  ]);
  const optional: Readonly<Record<string, string>> = {
    author,
    variant: parent?.platform.variant ?? "",
    "os.version": text(json, "os.version"),
  };
  for (const [key, value] of Object.entries(optional)) if (value !== "") document.set(key, value);
  const features = json["os.features"];
  if (Array.isArray(features) && features.length > 0) document.set("os.features", features as string[]);
  return Buffer.from(goJson(document));
}

/** dockerd joins the words of the command as they are. */
function entryOf({ author, comment, containerConfig, created, diffId }: CommittedImage): GoStruct {
  const command = goConfig(containerConfig)["Cmd"];
  const createdBy = Array.isArray(command) ? command.join(" ") : "";
  return historyEntry({ author, comment, created, created_by: createdBy, empty_layer: diffId === null });
}

function historyOf(json: JsonObject): GoStruct[] {
  const history = json["history"];
  return Array.isArray(history) ? history.map((entry) => historyEntry(objectOf(entry))) : [];
}

/** As Go writes an entry again, whatever spelling it was read in. */
function historyEntry(entry: JsonObject): GoStruct {
  const time = parseRfc3339(text(entry, "created"));
  const given: [string, GoValue][] = [["created", time === null ? ZERO_TIME : formatRfc3339(time)]];
  for (const key of ["author", "created_by", "comment"])
    if (text(entry, key) !== "") given.push([key, text(entry, key)]);
  if (entry["empty_layer"] === true) given.push(["empty_layer", true]);
  return Object.fromEntries(given);
}

function text(object: JsonObject, key: string): string {
  const value = object[key];
  return typeof value === "string" ? value : "";
}
