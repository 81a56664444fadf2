/** Containers' own files: dockerd trusts config.v2.json so much that a missing key may end it. */
import { join } from "node:path";
import { isJsonObject, type JsonObject } from "../../model/go-shape.js";
import type { FsckCode } from "../fsck-codes.js";
import { type Finding, type FindingFields, finding } from "../fsck-finding.js";
import { type ContainerRecord, isUnfinished, type Picture } from "../fsck-picture.js";
import { isContainerId } from "../fsck-read-containers.js";
import { strays } from "./leftovers.js";

/** What dockerd makes of a config, and what to change in it. */
interface Fault {
  readonly code: FsckCode;
  readonly detail: string;
  readonly mend: (config: JsonObject) => JsonObject;
}

export function* checkContainers(picture: Picture): Generator<Finding> {
  const names = new Map<string, string>();
  for (const container of picture.containers.values()) {
    const { id, dir, config, problem } = container;
    if (isUnfinished(picture, id)) continue;
    const path = join(dir, "config.v2.json");
    if (config === null) {
      yield finding("CONTAINER_CONFIG_UNREADABLE", { subject: id, path, detail: problem ?? "" });
      continue;
    }
    const faults = faultsOf(picture, container, config);
    const mended = faults.reduce((json, { mend }) => mend(json), config);
    const steps = [{ do: "keep-copy", path } as const, write(path, mended)];
    for (const { code, detail } of faults) yield finding(code, { subject: id, path, detail, steps } as FindingFields);
    const name = config["Name"];
    if (typeof name !== "string" || name === "" || config["Driver"] !== picture.driver) continue;
    const other = names.get(name);
    if (other === undefined) names.set(name, id);
    else yield finding("CONTAINER_NAME_TAKEN", { subject: id, path, detail: `${other} is called ${name}, too` });
  }
  const isContainer = ({ name, kind }: { name: string; kind: string }) => kind === "directory" && isContainerId(name);
  yield* strays(join(picture.root, "containers"), picture.containerEntries, "STRAY_IN_CONTAINERS", isContainer);
}

function faultsOf({ driver, homeEntries }: Picture, { id }: ContainerRecord, config: JsonObject): Fault[] {
  const faults: Fault[] = [];
  const set = (code: FsckCode, detail: string, key: string, value: unknown) =>
    faults.push({ code, detail, mend: (json) => ({ ...json, [key]: value }) });
  const { ID, State, Config, NetworkSettings, Image, Driver } = config as Record<string, unknown>;
  // Each of these three is dereferenced unseen.
  if (!isJsonObject(Config)) {
    set("CONTAINER_CONFIG_CRASHES", "it has no Config: dockerd crashes when it starts", "Config", { Image });
  } else if (typeof Image === "string" && Image !== "" && !isFilled(Config["Image"])) {
    const detail = "Config.Image is empty: docker ps fails for all containers";
    set("CONTAINER_CONFIG_WRONG", detail, "Config", { ...Config, Image });
  }
  if (State !== undefined && !isJsonObject(State)) {
    set("CONTAINER_CONFIG_CRASHES", "State is no object: dockerd crashes when it starts", "State", {});
  }
  if (!isJsonObject(NetworkSettings)) {
    const detail = "it has no NetworkSettings: docker inspect of it hangs, and so does dockerd when it stops";
    set("CONTAINER_CONFIG_CRASHES", detail, "NetworkSettings", {});
  }
  if (ID !== undefined && ID !== id) {
    set("CONTAINER_CONFIG_WRONG", `its ID is ${String(ID)}: dockerd does not load it`, "ID", id);
  }
  if (!isFilled(Driver) && homeEntries.size > 0) {
    set("CONTAINER_DRIVER_UNKNOWN", "dockerd passes over it without a word", "Driver", driver);
  }
  const name = config["Name"];
  if (typeof name === "string" && name !== "" && !name.startsWith("/")) {
    set("CONTAINER_CONFIG_WRONG", "its name has no leading slash: it cannot be started by it", "Name", `/${name}`);
  }
  return faults;
}

function isFilled(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

/** As dockerd writes it, but for the order of keys that it does not have. */
function write(path: string, config: JsonObject) {
  return { do: "write", path, content: `${JSON.stringify(config)}\n`, mode: 0o600 } as const;
}
