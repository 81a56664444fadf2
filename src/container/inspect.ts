/** A container as `docker inspect` of 20.10 prints it, key by key in its order. */
import { join } from "node:path";
import type { GraphData } from "../driver/driver.js";
import { readSmall } from "../driver/files.js";
import { OvlError } from "../errors.js";
import { isJsonObject, type JsonObject, objectOf } from "../model/go-shape.js";
import { parseJson } from "../model/json.js";
import { formatRfc3339, parseRfc3339, ZERO_TIME } from "../model/time.js";
import { goConfig } from "../store/go-config.js";
import type { Container } from "../store/mounts.js";
import type { Store } from "../store/store.js";
import type { StoreWarning } from "../store/warning.js";
import { damageOf } from "./damage.js";
import { goHostConfig, goMountPoint, goNetworkSettings } from "./go-container.js";
import { linksOf } from "./links.js";
import { stateOf } from "./state.js";

/** No host configuration is longer than its daemon takes in one request. */
const MAX_HOST_CONFIG = 16 * 1024 * 1024;

export function inspectContainer(
  store: Store,
  container: Container,
): { inspect: JsonObject; warnings: StoreWarning[] } {
  const { id, config, imageId } = container;
  const warnings: StoreWarning[] = [];
  const warn = (message: string) => warnings.push({ code: "BAD_CONTAINER", subject: id, message });
  const damage = damageOf(store, container);
  if (damage !== null) warn(damage.message);
  const hostConfig = readHostConfig(store, id, warn);
  const hostConfigOf = (other: string) => (other === id ? hostConfig : readHostConfig(store, other, () => {}));
  const text = (key: string) => (typeof config[key] === "string" ? config[key] : "");
  const inspect: JsonObject = {
    Id: id,
    Created: timeOf(config["Created"]),
    Path: text("Path"),
    Args: config["Args"] ?? null,
    State: stateObject(container),
    Image: imageId ?? text("Image"),
    ResolvConfPath: text("ResolvConfPath"),
    HostnamePath: text("HostnamePath"),
    HostsPath: text("HostsPath"),
    LogPath: text("LogPath"),
    Name: text("Name"),
    RestartCount: config["RestartCount"] ?? 0,
    Driver: text("Driver"),
    // An operating system that is not named is the daemon's own.
    Platform: text("OS") || "linux",
    MountLabel: text("MountLabel"),
    ProcessLabel: text("ProcessLabel"),
    AppArmorProfile: text("AppArmorProfile"),
    // Kept in the daemon's memory only.
    ExecIDs: null,
    HostConfig: { ...goHostConfig(hostConfig), Links: linksOf(store, container, hostConfigOf) },
    GraphDriver: { Data: graphData(store, container, damage === null ? warn : () => {}), Name: text("Driver") },
    Mounts: mountPoints(store, config),
    Config: goConfig(config["Config"]),
    NetworkSettings: goNetworkSettings(config["NetworkSettings"]),
  };
  return { inspect, warnings };
}

function stateObject(container: Container): JsonObject {
  const { config, running } = container;
  const state = objectOf(config["State"]);
  const { status, pid, exitCode, health } = stateOf(container);
  const flag = (key: string) => state[key] === true;
  const stored = state["Health"];
  return {
    Status: status,
    Running: running,
    Paused: running && flag("Paused"),
    Restarting: running && flag("Restarting"),
    OOMKilled: flag("OOMKilled"),
    Dead: flag("Dead"),
    Pid: pid,
    ExitCode: exitCode,
    Error: typeof state["Error"] === "string" ? state["Error"] : "",
    StartedAt: timeOf(state["StartedAt"]),
    FinishedAt: timeOf(state["FinishedAt"]),
    ...(health !== null && isJsonObject(stored)
      ? { Health: { Status: health, FailingStreak: stored["FailingStreak"] ?? 0, Log: stored["Log"] ?? [] } }
      : {}),
  };
}

function readHostConfig(store: Store, id: string, warn: (message: string) => void): JsonObject {
  const path = join(store.root, "containers", id, "hostconfig.json");
  const file = readSmall(path, MAX_HOST_CONFIG);
  if (file.kind === "absent") return {};
  try {
    if (file.kind === "bad") throw new OvlError("BAD_ROOT", `${path} ${file.reason}`, { path });
    const limits = { subject: path, code: "BAD_ROOT", maxBytes: MAX_HOST_CONFIG, trailing: "ignore" } as const;
    const parsed = parseJson(file.bytes, limits);
    return isJsonObject(parsed) ? parsed : {};
  } catch (thrown) {
    if (!(thrown instanceof OvlError)) throw thrown;
    warn(thrown.message);
    return {};
  }
}

function graphData(store: Store, { mount }: Container, warn: (message: string) => void): GraphData | null {
  if (!mount?.mountId) return null;
  try {
    return store.driver.graphData(mount.mountId);
  } catch (thrown) {
    if (!(thrown instanceof OvlError)) throw thrown;
    warn(thrown.message);
    return null;
  }
}

/** In the order of their destinations; dockerd goes through a map. */
function mountPoints(store: Store, config: JsonObject): JsonObject[] {
  const points = isJsonObject(config["MountPoints"]) ? Object.values(config["MountPoints"]).filter(isJsonObject) : [];
  return points
    .map((point) => goMountPoint(point, sourceOf(store, point)))
    .sort((a, b) => (String(a["Destination"]) < String(b["Destination"]) ? -1 : 1));
}

/** Where a volume lies only its driver knows; the local one is dockerd's own. */
function sourceOf(store: Store, { Name, Driver, Source }: JsonObject): string {
  if (typeof Source === "string" && Source !== "") return Source;
  return Driver === "local" && typeof Name === "string" ? join(store.root, "volumes", Name, "_data") : "";
}

function timeOf(value: unknown): string {
  const time = typeof value === "string" ? parseRfc3339(value) : null;
  return time === null ? ZERO_TIME : formatRfc3339(time);
}
