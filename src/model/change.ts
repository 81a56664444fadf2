/**
 * `--change` of docker import and docker commit: Dockerfile instructions that alter a container.Config, as docker
 * 20.10 applies them, and STOPSIGNAL, which newer versions take.
 */
import { posix } from "node:path";
import { ExpansionError, expandWord, expandWords } from "./change-expand.js";
import { changeError, type Instruction, parseInstruction, parseInstructions } from "./change-lines.js";
import { jsonStrings, keyValues, plainWords } from "./change-words.js";
import { parseDuration } from "./go-duration.js";
import { type JsonObject, objectOf } from "./go-shape.js";
import { parsePorts } from "./ports.js";
import { isSignal } from "./signal.js";

/** What a shell form runs in, unless the config names another. */
const SHELL = ["/bin/sh", "-c"];
const MIN_INTERVAL_NS = 1e6;

/**
 * The config with all changes made, in their order.
 * @param config container.Config by docker's keys
 * Throws USAGE for a change that docker would refuse.
 */
export function applyChanges(config: JsonObject, changes: readonly string[]): JsonObject {
  if (changes.length === 0) return config;
  let changed = config;
  // Docker forgets a command that stood before an entrypoint, but not one that was set by these very changes.
  let isCommandSet = false;
  for (const instruction of parseInstructions(changes.join("\n"))) {
    const { name, rest } = instruction;
    const values = applied(instruction, changed);
    if (name === "cmd") isCommandSet ||= rest !== "" && strings(values["Cmd"]).length > 0;
    changed = { ...changed, ...values, ...(name === "entrypoint" && !isCommandSet ? { Cmd: null } : {}) };
  }
  return changed;
}

/** The keys that an instruction sets. */
function applied(instruction: Instruction, config: JsonObject): JsonObject {
  const { name, rest, line, flags } = instruction;
  const env = environment(config);
  const one = () => expanded(line, () => expandWord(required(instruction), env));
  const pairs = () =>
    keyValues(rest, line).map(([key, value]) =>
      expanded(line, () => [expandWord(key, env), expandWord(value, env)] as const),
    );
  if (name !== "healthcheck" && flags.length > 0) throw changeError(line, `unknown flag ${flags[0]}`);
  switch (name) {
    case "cmd":
      return { Cmd: command(instruction, config) };
    case "entrypoint":
      return { Entrypoint: rest === "" || jsonStrings(rest, line)?.length === 0 ? null : command(instruction, config) };
    case "env":
      return { Env: pairs().reduce(setVariable, strings(config["Env"])) };
    case "expose": {
      required(instruction);
      const ports = plainWords(rest).flatMap((word) => expanded(line, () => expandWords(word, env)));
      return {
        ExposedPorts: withKeys(
          config["ExposedPorts"],
          ports.flatMap((port) => portsOf(port, line)),
        ),
      };
    }
    case "healthcheck":
      return { Healthcheck: healthcheck(instruction) };
    case "label":
      return { Labels: { ...objectOf(config["Labels"]), ...Object.fromEntries(pairs()) } };
    case "onbuild":
      return { OnBuild: [...strings(config["OnBuild"]), trigger(instruction)] };
    case "stopsignal": {
      const signal = one();
      if (!isSignal(signal)) throw changeError(line, `${JSON.stringify(signal)} is no signal`);
      return { StopSignal: signal };
    }
    case "user":
      return { User: one() };
    case "volume":
      return { Volumes: withKeys(config["Volumes"], volumes(instruction, env)) };
    case "workdir": {
      const directory = one();
      if (directory === "") throw changeError(line, "it names no directory");
      const from = typeof config["WorkingDir"] === "string" ? config["WorkingDir"] : "";
      return { WorkingDir: directory.startsWith("/") ? directory : withoutSlash(posix.join("/", from, directory)) };
    }
    default:
      throw changeError(
        line,
        `${name.toUpperCase()} cannot be applied to an image; CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR can`,
      );
  }
}

function command({ rest, line }: Instruction, config: JsonObject): string[] {
  const json = jsonStrings(rest, line);
  if (json !== null) return json;
  const shell = strings(config["Shell"]);
  return [...(shell.length > 0 ? shell : SHELL), ...(rest === "" ? [] : [rest])];
}

function setVariable(env: readonly string[], [key, value]: readonly [string, string]): string[] {
  const at = env.findIndex((entry) => entry.split("=", 1)[0] === key);
  const variable = `${key}=${value}`;
  return at < 0 ? [...env, variable] : env.with(at, variable);
}

function portsOf(spec: string, line: string): string[] {
  const ports = parsePorts(spec);
  if ("problem" in ports) throw changeError(line, ports.problem);
  return ports;
}

function volumes({ rest, line }: Instruction, env: ReadonlyMap<string, string>): string[] {
  const words = jsonStrings(rest, line) ?? plainWords(rest);
  if (words.length === 0) throw changeError(line, "it needs at least one argument");
  const paths = words.map((word) => expanded(line, () => expandWord(word.trim(), env)));
  if (paths.includes("")) throw changeError(line, "a volume has no path");
  return paths;
}

/** An instruction for images that are built on this one, kept as text. */
function trigger({ rest, line }: Instruction): string {
  const { name } = parseInstruction(rest);
  if (name === "") throw changeError(line, "it needs at least one argument");
  if (["onbuild", "from", "maintainer"].includes(name)) {
    throw changeError(line, `${name.toUpperCase()} cannot be triggered by ONBUILD`);
  }
  return line.replace(/^\s*ONBUILD\s*/i, "");
}

function healthcheck(instruction: Instruction): JsonObject {
  const { rest, line } = instruction;
  const [, kind = "", test = ""] = /^(\S+)\s*(.*)$/s.exec(required(instruction)) ?? [];
  switch (kind.toUpperCase()) {
    case "NONE":
      if (test !== "") throw changeError(line, "HEALTHCHECK NONE takes no arguments");
      return { Test: ["NONE"] };
    case "CMD": {
      const json = jsonStrings(test, line);
      const words = json ?? (test === "" ? [] : [test]);
      if (words.length === 0) throw changeError(line, "a command is missing behind HEALTHCHECK CMD");
      return { Test: [json === null ? "CMD-SHELL" : "CMD", ...words], ...healthcheckFlags(instruction) };
    }
    default:
      throw changeError(line, `${JSON.stringify(rest)} is neither CMD nor NONE`);
  }
}

const DURATIONS: Readonly<Record<string, string>> = {
  "--interval": "Interval",
  "--timeout": "Timeout",
  "--start-period": "StartPeriod",
};

function healthcheckFlags({ flags, line }: Instruction): JsonObject {
  const values = new Map<string, number>();
  for (const flag of flags) {
    const [, name = "", value] = /^([^=]*)(?:=(.*))?$/s.exec(flag) ?? [];
    const key = name === "--retries" ? "Retries" : DURATIONS[name];
    if (key === undefined) throw changeError(line, `unknown flag ${name}`);
    if (value === undefined) throw changeError(line, `${name} needs a value`);
    if (values.has(key)) throw changeError(line, `${name} is given twice`);
    // An empty value stands for docker's default, as no flag does.
    if (value !== "") values.set(key, key === "Retries" ? retries(value, line) : interval(name, value, line));
  }
  return Object.fromEntries(values);
}

function retries(text: string, line: string): number {
  const count = /^\+?[0-9]{1,10}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count < 2 ** 31) return count;
  throw changeError(line, `--retries is ${JSON.stringify(text)}; expected a number from 1`);
}

function interval(name: string, text: string, line: string): number {
  const nanoseconds = parseDuration(text);
  if (nanoseconds !== null && nanoseconds >= MIN_INTERVAL_NS) return nanoseconds;
  throw changeError(line, `${name} is ${JSON.stringify(text)}; expected a duration of at least 1ms, such as 30s`);
}

function required({ rest, line }: Instruction): string {
  if (rest === "") throw changeError(line, "it needs an argument");
  return rest;
}

function expanded<T>(line: string, expand: () => T): T {
  try {
    return expand();
  } catch (error) {
    if (error instanceof ExpansionError) throw changeError(line, error.message);
    throw error;
  }
}

function environment(config: JsonObject): ReadonlyMap<string, string> {
  return new Map(
    strings(config["Env"]).map((entry) => {
      const equals = entry.indexOf("=");
      return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** Go's set: an object of empty objects. */
function withKeys(set: unknown, keys: readonly string[]): JsonObject {
  return { ...objectOf(set), ...Object.fromEntries(keys.map((key) => [key, {}])) };
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/$/, "") : path;
}
