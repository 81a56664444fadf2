/** An image as `docker inspect` of 20.10 prints it, key by key in its order. */
import type { GraphData } from "../driver/driver.js";
import { OvlError } from "../errors.js";
import type { ImageConfig } from "../model/config.js";
import type { ImageId } from "../model/digest.js";
import { isJsonObject, type JsonObject, objectOf } from "../model/go-shape.js";
import { familiarString, type Reference } from "../model/reference.js";
import { formatRfc3339, parseRfc3339, ZERO_TIME } from "../model/time.js";
import { goConfig } from "./go-config.js";
import { rfc3339 } from "./images.js";
import type { Store } from "./store.js";
import { missingLayer, readImage } from "./stored-image.js";
import type { StoreWarning } from "./warning.js";

/** What only a store knows of an image. */
interface Stored {
  readonly size: number;
  readonly driver: string;
  /** null for an image without layers, and where the directories are damaged. */
  readonly data: GraphData | null;
  readonly lastTagTime: string;
}

export function inspectImage(store: Store, id: ImageId): { inspect: JsonObject; warnings: StoreWarning[] } {
  const image = readImage(store, id);
  const warnings: StoreWarning[] = [...store.repositories.warnings];
  const warn = (message: string) => warnings.push({ code: "BAD_IMAGE", subject: id, message });
  const missing = missingLayer(store, image);
  if (missing !== null) warn(missing);
  const inspect = inspectConfig(image.config, store.repositories.of(id), image.parent, {
    size: image.size,
    driver: store.driver.name,
    data: graphData(),
    lastTagTime: lastTagTime(),
  });
  return { inspect, warnings };

  function graphData(): GraphData | null {
    const top = image.layers.at(-1) ?? null;
    if (top === null) return null;
    try {
      return store.driver.graphData(top.cacheId);
    } catch (thrown) {
      if (!(thrown instanceof OvlError)) throw thrown;
      warn(`image ${id}: ${thrown.message}`);
      return null;
    }
  }

  function lastTagTime(): string {
    const text = store.images.lastUpdated(id);
    if (text === null) return ZERO_TIME;
    const time = parseRfc3339(text);
    if (time !== null) return formatRfc3339(time);
    warn(`image ${id}: the time in its lastUpdated file is ${JSON.stringify(text.slice(0, 80))}`);
    return ZERO_TIME;
  }
}

/**
 * What an image's config and names alone tell; with `stored` the whole object.
 * @param names in the order of their full form
 */
export function inspectConfig(
  config: ImageConfig,
  names: readonly Reference[],
  parent: ImageId | null,
  stored: Stored | null = null,
): JsonObject {
  const { json } = config;
  const text = (key: string) => (typeof json[key] === "string" ? json[key] : "");
  const { variant } = config.platform;
  const rootfs = objectOf(json["rootfs"]);
  return {
    Id: config.id,
    RepoTags: names.filter(({ tag }) => tag !== null).map(familiarString),
    RepoDigests: names.filter(({ tag, digest }) => tag === null && digest !== null).map(familiarString),
    Parent: parent ?? "",
    Comment: text("comment") || (config.history.at(-1)?.comment ?? ""),
    Created: rfc3339(config.created) ?? ZERO_TIME,
    Container: text("container"),
    ContainerConfig: goConfig(json["container_config"]),
    DockerVersion: text("docker_version"),
    Author: text("author"),
    Config: isJsonObject(json["config"]) ? goConfig(json["config"]) : null,
    Architecture: config.platform.architecture,
    ...(variant === null ? {} : { Variant: variant }),
    Os: config.platform.os,
    ...(text("os.version") === "" ? {} : { OsVersion: text("os.version") }),
    ...(stored === null ? {} : sizeOf(stored)),
    RootFS: {
      Type: typeof rootfs["type"] === "string" ? rootfs["type"] : "",
      ...(config.diffIds.length === 0 ? {} : { Layers: config.diffIds }),
    },
    ...(stored === null ? {} : { Metadata: { LastTagTime: stored.lastTagTime } }),
  };
}

function sizeOf({ size, driver, data }: Stored): JsonObject {
  return { Size: size, VirtualSize: size, GraphDriver: { Data: data, Name: driver } };
}
