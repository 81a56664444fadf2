/**
 * The image config that dockerd makes of a v1 image (`<id>/json` of archives older than Docker 1.10), byte for byte:
 * its sha256 is the image id. After image/v1 and the encoding/json of dockerd 20.10.
 */
import type * as v from "valibot";
import { byteString, byteStringOf, bytesOf } from "../model/bytes.js";
import { type runConfigShape, v1Members } from "../model/config.js";
import type { DiffId } from "../model/digest.js";
import { byKeyBytes, type GoStruct, type GoValue, goJson } from "../model/go-json.js";
import { goStruct } from "../model/go-shape.js";
import { compact, rawMembers } from "../model/raw-json.js";
import { formatRfc3339, parseRfc3339, ZERO_TIME } from "../model/time.js";

export const v1Shape = goStruct(v1Members);
export type V1Image = v.InferOutput<typeof v1Shape>;
type RunConfig = v.InferOutput<typeof runConfigShape>;

/** The history entry that a v1 image stands for, as it is written. */
export function historyOf(image: V1Image): GoStruct {
  return {
    created: time(image.created),
    ...given("author", image.author),
    ...given("created_by", (strSlice(image.container_config?.Cmd) ?? []).join(" ")),
    ...given("comment", image.comment),
  };
}

/**
 * @param json exact bytes of the v1 image
 * @param image what they say
 * @param diffIds of its layers, bottom to top
 * @param history of its parents and itself, oldest first
 */
export function configOfV1(
  json: Uint8Array,
  image: V1Image,
  diffIds: readonly DiffId[],
  history: readonly GoStruct[],
): Buffer {
  // Images of old daemons go through dockerd's own structure, which drops what it does not know.
  const source = isBefore183(image.docker_version ?? "") ? byteStringOf(goJson(marshalled(image))) : byteString(json);
  const members = rawMembers(source);
  for (const key of ["id", "parent", "Size", "parent_id", "layer_id", "throwaway"]) members.delete(key);
  members.set("rootfs", byteStringOf(goJson({ type: "layers", diff_ids: diffIds })));
  members.set("history", byteStringOf(goJson(history)));
  const written = [...members].sort(byKeyBytes).map(([key, value]) => byteStringOf(`${goJson(key)}:`) + compact(value));
  return bytesOf(`{${written.join(",")}}` as ReturnType<typeof byteString>);
}

/** Docker 1.8.3 was the first whose images are taken as they are. */
function isBefore183(version: string): boolean {
  const parts = version.split(".").map((part) => (/^[+-]?\d+$/.test(part) ? Number(part) : 0));
  for (const [i, bound] of [1, 8, 3].entries()) {
    const part = parts[i] ?? 0;
    if (part !== bound) return part < bound;
  }
  return false;
}

/** image.V1Image; the keys that are dropped afterwards are left out here. */
function marshalled(image: V1Image): GoStruct {
  return {
    ...given("comment", image.comment),
    created: time(image.created),
    ...given("container", image.container),
    container_config: runConfig(image.container_config ?? {}),
    ...given("docker_version", image.docker_version),
    ...given("author", image.author),
    ...(image.config ? { config: runConfig(image.config) } : {}),
    ...given("architecture", image.architecture),
    ...given("variant", image.variant),
    ...given("os", image.os),
  };
}

/** container.Config of dockerd 20.10: what it omits when empty is omitted here. */
function runConfig(config: RunConfig): GoStruct {
  return {
    Hostname: config.Hostname ?? "",
    Domainname: config.Domainname ?? "",
    User: config.User ?? "",
    AttachStdin: config.AttachStdin ?? false,
    AttachStdout: config.AttachStdout ?? false,
    AttachStderr: config.AttachStderr ?? false,
    ...given("ExposedPorts", set(config.ExposedPorts)),
    Tty: config.Tty ?? false,
    OpenStdin: config.OpenStdin ?? false,
    StdinOnce: config.StdinOnce ?? false,
    Env: strings(config.Env),
    Cmd: strSlice(config.Cmd),
    ...(config.Healthcheck ? { Healthcheck: healthcheck(config.Healthcheck) } : {}),
    ...given("ArgsEscaped", config.ArgsEscaped),
    Image: config.Image ?? "",
    Volumes: set(config.Volumes),
    WorkingDir: config.WorkingDir ?? "",
    Entrypoint: strSlice(config.Entrypoint),
    ...given("NetworkDisabled", config.NetworkDisabled),
    ...given("MacAddress", config.MacAddress),
    OnBuild: strings(config.OnBuild),
    Labels: stringMap(config.Labels),
    ...given("StopSignal", config.StopSignal),
    // A pointer: zero is a value.
    ...(typeof config.StopTimeout === "number" ? { StopTimeout: config.StopTimeout } : {}),
    ...given("Shell", strSlice(config.Shell)),
  };
}

function healthcheck(check: NonNullable<RunConfig["Healthcheck"]>): GoStruct {
  return {
    ...given("Test", strings(check.Test)),
    ...given("Interval", check.Interval),
    ...given("Timeout", check.Timeout),
    ...given("StartPeriod", check.StartPeriod),
    ...given("Retries", check.Retries),
  };
}

/** A key that Go leaves out when its value is empty (`omitempty`). */
function given(key: string, value: GoValue | undefined): GoStruct {
  const size = value instanceof Map ? value.size : Array.isArray(value) ? value.length : value ? 1 : 0;
  return size === 0 ? {} : { [key]: value as GoValue };
}

function strings(list: readonly (string | null | undefined)[] | null | undefined): string[] | null {
  return list?.map((item) => item ?? "") ?? null;
}

function strSlice(value: RunConfig["Cmd"]): string[] | null {
  return typeof value === "string" ? [value] : strings(value);
}

function stringMap(map: RunConfig["Labels"]): Map<string, string> | null {
  return map ? new Map(Object.entries(map).map(([key, value]) => [key, (value ?? "") as string])) : null;
}

function set(map: RunConfig["Volumes"]): Map<string, GoStruct> | null {
  return map ? new Map(Object.keys(map).map((key) => [key, {}])) : null;
}

function time(text: string | null | undefined): string {
  const parsed = text ? parseRfc3339(text) : null;
  return parsed === null ? ZERO_TIME : formatRfc3339(parsed);
}
