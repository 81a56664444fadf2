/** container.Config of dockerd 20.10 as it comes out again: defaults filled in, keys in Go's order. */
import { isJsonObject, type JsonObject, objectOf } from "../model/go-shape.js";

/** One field of a Go struct. */
export type Rule =
  /** Always written; the value where there is none. */
  | { readonly key: string; readonly zero: unknown; readonly as?: (value: unknown) => unknown }
  /** Left out when it is its zero value (`omitempty`). */
  | { readonly key: string; readonly omit: true; readonly as?: (value: unknown) => unknown };

const HEALTHCHECK: readonly Rule[] = [
  { key: "Test", omit: true, as: strings },
  { key: "Interval", omit: true },
  { key: "Timeout", omit: true },
  { key: "StartPeriod", omit: true },
  { key: "Retries", omit: true },
];

const CONFIG: readonly Rule[] = [
  { key: "Hostname", zero: "" },
  { key: "Domainname", zero: "" },
  { key: "User", zero: "" },
  { key: "AttachStdin", zero: false },
  { key: "AttachStdout", zero: false },
  { key: "AttachStderr", zero: false },
  { key: "ExposedPorts", omit: true, as: set },
  { key: "Tty", zero: false },
  { key: "OpenStdin", zero: false },
  { key: "StdinOnce", zero: false },
  { key: "Env", zero: null, as: strings },
  { key: "Cmd", zero: null, as: stringOrStrings },
  { key: "Healthcheck", omit: true, as: (value) => goStruct(value, HEALTHCHECK) },
  { key: "ArgsEscaped", omit: true },
  { key: "Image", zero: "" },
  { key: "Volumes", zero: null, as: set },
  { key: "WorkingDir", zero: "" },
  { key: "Entrypoint", zero: null, as: stringOrStrings },
  { key: "NetworkDisabled", omit: true },
  { key: "MacAddress", omit: true },
  { key: "OnBuild", zero: null, as: strings },
  { key: "Labels", zero: null, as: stringMap },
  { key: "StopSignal", omit: true },
  { key: "StopTimeout", omit: true },
  { key: "Shell", omit: true, as: stringOrStrings },
];

/** Pointers in Go: left out only when null, not when zero. */
const POINTERS = new Set(["Healthcheck", "StopTimeout"]);

/** @param value of `config` or `container_config`, shape-checked, keys in dockerd's spelling */
export function goConfig(value: unknown): JsonObject {
  return goStruct(value, CONFIG);
}

/** The fields of a Go struct as it writes them: in the order of the rules, and nothing else. */
export function goStruct(value: unknown, rules: readonly Rule[]): JsonObject {
  const object = objectOf(value);
  const out: [string, unknown][] = [];
  for (const rule of rules) {
    const given = object[rule.key] ?? null;
    const converted = given === null ? null : (rule.as?.(given) ?? given);
    if ("zero" in rule) out.push([rule.key, converted ?? rule.zero]);
    else if (!isEmpty(converted) || (converted !== null && POINTERS.has(rule.key))) out.push([rule.key, converted]);
  }
  return Object.fromEntries(out);
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === "" || value === 0 || value === false) return true;
  return Array.isArray(value) ? value.length === 0 : isJsonObject(value) && Object.keys(value).length === 0;
}

function strings(value: unknown): unknown {
  return Array.isArray(value) ? value.map((item) => item ?? "") : value;
}

/** strslice.StrSlice: one string stands for an array of one. */
function stringOrStrings(value: unknown): unknown {
  return typeof value === "string" ? [value] : strings(value);
}

function stringMap(value: unknown): unknown {
  return sorted(value, (item) => item ?? "");
}

/** `map[string]struct{}`: whatever was in the values is gone. */
function set(value: unknown): unknown {
  return sorted(value, () => ({}));
}

/** A map: keys in byte order. */
export function sorted(value: unknown, item: (item: unknown) => unknown): unknown {
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return Object.fromEntries(entries.map(([key, of]) => [key, item(of)]));
}
