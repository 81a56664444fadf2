/**
 * `Config` of a container: what the user asked for over what the image says, merged as dockerd 20.10 merges them
 * (daemon/commit.go, `merge`), with what its client fills in before.
 */
import { posix } from "node:path";
import { OvlError } from "../errors.js";
import type { ImageConfig } from "../model/config.js";
import type { GoStruct, GoValue } from "../model/go-json.js";
import { isJsonObject, type JsonObject, objectOf } from "../model/go-shape.js";
import { goConfig } from "../store/go-config.js";

/** What can be said at creation. null and empty: as the image has it. */
export interface RunOptions {
  readonly command: readonly string[];
  /** `NAME=value`; `NAME` alone takes the variable away from the image's. */
  readonly env: readonly string[];
  /** Absolute. */
  readonly workingDir: string | null;
  /** Empty: none, not even the image's. */
  readonly entrypoint: string | null;
  readonly hostname: string | null;
  readonly labels: ReadonlyMap<string, string>;
}

export interface RunConfig {
  /** In dockerd's order. */
  readonly config: GoStruct;
  /** The program and its arguments. */
  readonly path: string;
  readonly args: readonly string[];
  /** Cleaned; null for `/`, where dockerd makes no directory. */
  readonly workingDir: string | null;
  /** Directories that the image wants a volume at. */
  readonly volumes: readonly string[];
}

/**
 * @param id of the container; @param imageName as the user called the image, which is what `docker ps` shows
 * Throws USAGE where there is nothing to run or an option makes no sense.
 */
export function runConfig(image: ImageConfig, imageName: string, id: string, options: RunOptions): RunConfig {
  // Without a config, what docker's client sends is not merged with anything: no volumes, but not null.
  const own = isJsonObject(image.json["config"]) ? goConfig(image.json["config"]) : { Volumes: {} };
  const { entrypoint, cmd } = programOf(own, options);
  const program = [...(entrypoint ?? []), ...(cmd ?? [])];
  const [path, ...args] = program;
  if (path === undefined) {
    throw new OvlError("USAGE", `image ${imageName} names no command, so one must be given: create IMAGE COMMAND`, {
      image: imageName,
    });
  }
  const workingDir = workingDirOf(options.workingDir) ?? cleaned(text(own, "WorkingDir"));
  const ports = own["ExposedPorts"];
  const config: GoStruct = {
    Hostname: options.hostname || id.slice(0, 12),
    Domainname: "",
    User: text(own, "User"),
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    ...(isJsonObject(ports) ? { ExposedPorts: goMap(ports) } : {}),
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: mergeEnv(strings(own, "Env"), options.env),
    Cmd: cmd,
    ...(own["Healthcheck"] === undefined ? {} : { Healthcheck: own["Healthcheck"] as GoStruct }),
    Image: imageName,
    Volumes: isJsonObject(own["Volumes"]) ? goMap(own["Volumes"]) : null,
    WorkingDir: workingDir,
    Entrypoint: entrypoint,
    OnBuild: null,
    Labels: new Map([...goMap(objectOf(own["Labels"])), ...options.labels]),
    ...(text(own, "StopSignal") === "" ? {} : { StopSignal: text(own, "StopSignal") }),
  };
  return {
    config,
    path,
    args,
    workingDir: workingDir === "" || workingDir === "/" ? null : workingDir,
    volumes: isJsonObject(own["Volumes"]) ? Object.keys(own["Volumes"]).sort() : [],
  };
}

type Words = readonly string[] | null;

/** An entrypoint of the user's brings its own arguments: the image's command goes with the image's entrypoint. */
function programOf(image: JsonObject, { entrypoint, command }: RunOptions): { entrypoint: Words; cmd: Words } {
  const given = command.length > 0 ? command : null;
  if (entrypoint !== null) return { entrypoint: entrypoint === "" ? null : [entrypoint], cmd: given };
  const own = strings(image, "Entrypoint");
  // dockerd takes [""] for none.
  const kept = own?.length === 1 && own[0] === "" ? null : own;
  return { entrypoint: kept, cmd: given ?? strings(image, "Cmd") };
}

/** The user's first, the last of each name; then those of the image that the user did not name. */
function mergeEnv(image: Words, given: readonly string[]): Words {
  if (given.length === 0) return image;
  const own = new Map<string, string>();
  for (const variable of given) {
    if (nameOf(variable) === "") {
      throw new OvlError("USAGE", `invalid environment variable: ${JSON.stringify(variable)}; expected NAME=value`);
    }
    own.set(nameOf(variable), variable);
  }
  return [...own.values(), ...(image ?? []).filter((variable) => !own.has(nameOf(variable)))];
}

function nameOf(variable: string): string {
  return variable.split("=", 1)[0] as string;
}

function workingDirOf(given: string | null): string | null {
  if (given === null || given === "") return null;
  if (given.startsWith("/")) return cleaned(given);
  throw new OvlError("USAGE", `the working directory ${JSON.stringify(given)} is not an absolute path`);
}

/** filepath.Clean: no slash at the end, no `.` and `..` that can be resolved. */
function cleaned(path: string): string {
  if (path === "") return "";
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

function text(image: JsonObject, key: string): string {
  const value = image[key];
  return typeof value === "string" ? value : "";
}

function strings(image: JsonObject, key: string): Words {
  const value = image[key];
  return Array.isArray(value) ? (value as string[]) : null;
}

function goMap(object: JsonObject): ReadonlyMap<string, GoValue> {
  return new Map(Object.entries(object) as [string, GoValue][]);
}
