/** Containers' own files: dockerd trusts them so much that a missing key may end it. */
import { basename, dirname, join } from "node:path";
import { containerShape, hostConfigShape } from "../../model/container-files.js";
import { isJsonObject, type JsonObject, type Misfit, misfits, withoutMisfits } from "../../model/go-shape.js";
import type { FsckCode } from "../fsck-codes.js";
import { isContainerId } from "../fsck-container-ids.js";
import { type Finding, finding } from "../fsck-finding.js";
import { type ContainerRecord, isUnfinished, type Picture } from "../fsck-picture.js";
import type { Relations } from "../fsck-relations.js";
import { imageTopOf, topOf } from "../fsck-top.js";
import { swapSteps } from "../swap-steps.js";
import { strays } from "./leftovers.js";

/** What dockerd makes of a config, and what to change in it. */
interface Fault {
  readonly code: FsckCode;
  readonly detail: string;
  readonly key: string;
  readonly mend: (config: JsonObject) => JsonObject;
}

export function* checkContainers(picture: Picture, relations: Relations): Generator<Finding> {
  const names = new Map<string, string>();
  for (const container of picture.containers.values()) {
    const { id, dir, config, problem } = container;
    if (isUnfinished(picture, id)) continue;
    if (basename(dir) !== id) {
      yield* checkPlace(picture, container);
      continue;
    }
    yield* checkHostConfig(container);
    const path = join(dir, "config.v2.json");
    if (config === null) {
      yield finding("CONTAINER_CONFIG_UNREADABLE", { subject: id, path, detail: problem ?? "" });
      continue;
    }
    const wrong = misfits(containerShape, config);
    const readable = wrong.length === 0 ? config : (withoutMisfits(config, wrong) as JsonObject);
    const faults = faultsOf(picture, container, readable);
    const image = wrongImage(picture, relations, id);
    if (image !== null) faults.push(image);
    const mended = faults.reduce((json, { mend }) => mend(json), readable);
    const steps = mended === config ? [] : [{ do: "keep-copy", path } as const, write(path, mended, 0o600)];
    if (wrong.length > 0) {
      yield finding("CONTAINER_CONFIG_WRONG", { subject: id, path, detail: detailOf(wrong), steps });
    }
    // What dockerd would have choked on next is mended with it.
    for (const { code, detail, key } of faults) {
      if (!wrong.some((one) => one.path[0] === key)) yield finding(code, { subject: id, path, detail, steps });
    }
    const name = config["Name"];
    if (typeof name !== "string" || name === "" || config["Driver"] !== picture.driver) continue;
    const other = names.get(name);
    if (other === undefined) names.set(name, id);
    else yield finding("CONTAINER_NAME_TAKEN", { subject: id, path, detail: `${other} is called ${name}, too` });
  }
  for (const { id, dir } of picture.copies) {
    const detail = `it is a copy of ${join(dirname(dir), id)}`;
    yield finding("CONTAINER_DIR_WRONG", { subject: id, path: dir, detail, steps: [{ do: "set-aside", path: dir }] });
  }
  const isContainer = ({ name, kind }: { name: string; kind: string }) => kind === "directory" && isContainerId(name);
  yield* strays(join(picture.root, "containers"), picture.containerEntries, "STRAY_IN_CONTAINERS", isContainer);
}

/** What else may be wrong with its files is seen when they are in their place. */
function* checkPlace(picture: Picture, { id, dir }: ContainerRecord): Generator<Finding> {
  const path = join(dirname(dir), id);
  const other = [...picture.containers.values()].find((container) => container.dir === path);
  const isStray = other === undefined && picture.containerEntries.has(id);
  const steps = isStray ? [] : swapSteps(dir, path, other?.id ?? null);
  if (steps === null) return;
  yield finding("CONTAINER_DIR_WRONG", { subject: id, path: dir, detail: `its config is that of ${id}`, steps });
}

function* checkHostConfig({ id, dir, hostConfig: { json, problem } }: ContainerRecord): Generator<Finding> {
  const path = join(dir, "hostconfig.json");
  const found = (code: FsckCode, detail: string, mended: JsonObject) => {
    const steps = [{ do: "keep-copy", path } as const, write(path, mended, 0o644)];
    return finding(code, { subject: id, path, detail, steps });
  };
  if (problem !== null) yield found("CONTAINER_CONFIG_UNREADABLE", problem, {});
  else if (json === null) yield found("CONTAINER_CONFIG_CRASHES", "it is null: dockerd crashes when it starts", {});
  else if (!isJsonObject(json)) yield found("CONTAINER_CONFIG_UNREADABLE", "it is no JSON object", {});
  else {
    const wrong = misfits(hostConfigShape, json);
    const { Ulimits } = json;
    if (Array.isArray(Ulimits) && Ulimits.includes(null)) {
      const mended = { ...json, Ulimits: Ulimits.filter((limit) => limit !== null) };
      yield found("CONTAINER_CONFIG_CRASHES", "a null is among its Ulimits: docker inspect of it hangs", mended);
    }
    if (wrong.length === 0) return;
    yield found("CONTAINER_CONFIG_WRONG", detailOf(wrong), withoutMisfits(json, wrong) as JsonObject);
  }
}

function detailOf(wrong: readonly Misfit[]): string {
  const more = wrong.length > 1 ? `, and ${wrong.length - 1} more differ` : "";
  return `${wrong[0]?.message}${more}: dockerd does not load it`;
}

function faultsOf({ driver, homeEntries }: Picture, { id }: ContainerRecord, config: JsonObject): Fault[] {
  const faults: Fault[] = [];
  const set = (code: FsckCode, detail: string, key: string, value: unknown) =>
    faults.push({ code, detail, key, mend: (json) => ({ ...json, [key]: value }) });
  const { ID, State, StreamConfig, Config, MountPoints, NetworkSettings, Image, Driver } = config as Record<
    string,
    unknown
  >;
  // Each of these is dereferenced unseen.
  if (!isJsonObject(Config)) {
    set("CONTAINER_CONFIG_CRASHES", "it has no Config: dockerd crashes when it starts", "Config", { Image });
  } else if (typeof Image === "string" && Image !== "" && !isFilled(Config["Image"])) {
    const detail = "Config.Image is empty: docker ps fails for all containers";
    set("CONTAINER_CONFIG_WRONG", detail, "Config", { ...Config, Image });
  }
  if (State !== undefined && !isJsonObject(State)) {
    set("CONTAINER_CONFIG_CRASHES", "State is no object: dockerd crashes when it starts", "State", {});
  }
  if (StreamConfig !== undefined && !isJsonObject(StreamConfig)) {
    set("CONTAINER_CONFIG_CRASHES", "StreamConfig is no object: dockerd crashes when it starts", "StreamConfig", {});
  }
  if (hasNull(MountPoints)) {
    const detail = "a null is among its MountPoints: dockerd crashes when it starts";
    set("CONTAINER_CONFIG_CRASHES", detail, "MountPoints", withoutNulls(MountPoints));
  }
  if (isJsonObject(NetworkSettings) && hasNull(NetworkSettings["Networks"])) {
    const mended = { ...NetworkSettings, Networks: withoutNulls(NetworkSettings["Networks"]) };
    set(
      "CONTAINER_CONFIG_CRASHES",
      "a null is among its Networks: docker inspect of it hangs",
      "NetworkSettings",
      mended,
    );
  }
  if (!isJsonObject(NetworkSettings)) {
    const detail = "it has no NetworkSettings: docker inspect of it hangs, and so does dockerd when it stops";
    set("CONTAINER_CONFIG_CRASHES", detail, "NetworkSettings", {});
  }
  if (ID !== undefined && ID !== null && ID !== id) {
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

function hasNull(map: unknown): map is JsonObject {
  return isJsonObject(map) && Object.values(map).includes(null);
}

function withoutNulls(map: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== null));
}

/** Everything else says that the container stands on other layers than those of its image. */
function wrongImage(picture: Picture, relations: Relations, id: string): Fault | null {
  const said = picture.mounts.has(id) ? imageTopOf(picture, id) : undefined;
  const top = topOf(picture, relations, id);
  if (said === undefined || said === top) return null;
  const [only, second] = top === null ? [] : (relations.imagesOn.get(top) ?? []);
  const detail = `its image has the top layer ${said ?? "none"}, but the container stands on ${top ?? "none"}`;
  const isKnown = only !== undefined && second === undefined;
  const mend = (json: JsonObject) => (isKnown ? { ...json, Image: only } : json);
  return { code: "CONTAINER_IMAGE_WRONG", detail, key: "Image", mend };
}

function isFilled(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

/** As dockerd writes it, but for the order of keys that it does not have. */
function write(path: string, config: JsonObject, mode: number) {
  return { do: "write", path, content: `${JSON.stringify(config)}\n`, mode } as const;
}
