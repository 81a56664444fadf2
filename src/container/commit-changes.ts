/**
 * The user's changes over a container's config, as dockerd's commit makes them: first applied to a copy, then what the
 * copy lacks taken from the container again (daemon/commit.go, `merge`). So a change can replace and
 * add, not take away.
 */
import { applyChanges } from "../model/change.js";
import { isJsonObject, type JsonObject, objectOf } from "../model/go-shape.js";

/** @param changes Dockerfile instructions. Throws USAGE for one that docker would refuse. */
export function changedConfig(container: JsonObject, changes: readonly string[]): JsonObject {
  const changed = applyChanges(container, changes);
  return {
    ...changed,
    User: textOr(changed["User"], container["User"]),
    ExposedPorts: union(container["ExposedPorts"], changed["ExposedPorts"]),
    Env: environment(strings(changed["Env"]), strings(container["Env"])),
    Labels: { ...objectOf(container["Labels"]), ...objectOf(changed["Labels"]) },
    ...program(changed, container),
    ...healthcheck(changed, container),
    WorkingDir: textOr(changed["WorkingDir"], container["WorkingDir"]),
    Volumes: union(container["Volumes"], changed["Volumes"]),
    StopSignal: textOr(changed["StopSignal"], container["StopSignal"]),
  };
}

/** A new entrypoint stands without the container's command, a new command keeps its entrypoint. */
function program(changed: JsonObject, container: JsonObject): JsonObject {
  const { Cmd, Entrypoint } = changed;
  if (strings(Entrypoint).length > 0) return { Cmd, Entrypoint };
  return {
    Cmd: strings(Cmd).length > 0 ? Cmd : container["Cmd"],
    Entrypoint: Entrypoint ?? container["Entrypoint"],
  };
}

function healthcheck(changed: JsonObject, container: JsonObject): JsonObject {
  const [given, own] = [changed["Healthcheck"], container["Healthcheck"]];
  if (!isJsonObject(own)) return {};
  if (!isJsonObject(given)) return { Healthcheck: own };
  const set = Object.entries(given).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : Boolean(value)));
  return { Healthcheck: { ...own, ...Object.fromEntries(set) } };
}

/** The changed ones first, then those of other names. */
function environment(changed: readonly string[], container: readonly string[]): readonly string[] | null {
  const names = new Set(changed.map(nameOf));
  const all = [...changed, ...container.filter((variable) => !names.has(nameOf(variable)))];
  return all.length === 0 ? null : all;
}

function nameOf(variable: string): string {
  return variable.split("=", 1)[0] as string;
}

/** Keys of both; as it is where there is nothing to add. */
function union(container: unknown, changed: unknown): unknown {
  return Object.keys(objectOf(changed)).length === 0 ? container : { ...objectOf(container), ...objectOf(changed) };
}

function textOr(changed: unknown, container: unknown): unknown {
  return typeof changed === "string" && changed !== "" ? changed : container;
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as string[]) : [];
}
