/**
 * Shapes of JSON documents as Go structs take them: keys match whatever their case, `null` and absence are the
 * zero value, unknown keys are ignored, and a value of another type is an error.
 */
import * as v from "valibot";
import { type ErrorCode, OvlError } from "../errors.js";
import { parseRfc3339 } from "./time.js";

export type JsonObject = Readonly<Record<string, unknown>>;

const AN_OBJECT = "must be an object";

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object, empty for what is none. */
export function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

export const goString = v.nullish(v.string("must be a string"));
export const goBool = v.nullish(v.boolean("must be true or false"));
/** int64. Go also refuses `1e2` and `1.0`, which JSON.parse has made whole numbers of before they are seen here. */
export const goInt = v.nullish(
  v.pipe(
    v.number("must be a number"),
    v.integer("must be a whole number"),
    v.check((value) => Math.abs(value) < 2 ** 63, "must fit 64 bits"),
  ),
);
/** uint16, uint32 or uint64. */
export function goUint(bits: 16 | 32 | 64) {
  const inRange = v.check((value: number) => value >= 0 && value < 2 ** bits, `must be from 0 to 2^${bits} - 1`);
  return v.nullish(v.pipe(v.number("must be a number"), v.integer("must be a whole number"), inRange));
}
export const goStrings = v.nullish(v.array(goString, "must be an array of strings"));
/** strslice.StrSlice: one string stands for an array of one. */
export const goStrSlice = v.nullish(v.union([v.string(), v.array(goString)], "must be a string or array of strings"));
export const goTime = v.nullish(
  v.pipe(
    v.string("must be an RFC 3339 time"),
    v.check((text) => parseRfc3339(text) !== null, "must be an RFC 3339 time"),
  ),
);

/** `[]T` of a struct or of something else that may be null. */
export function goArray<const T extends v.GenericSchema>(item: T) {
  return v.nullish(v.array(v.nullish(item), "must be an array"));
}

/** `map[string]T` of such, each value looked into. */
export function goValues<const T extends v.GenericSchema>(value: T) {
  return v.nullish(v.pipe(v.custom<JsonObject>(isJsonObject, AN_OBJECT), v.record(v.string(), v.nullish(value))));
}

/** `map[string]T`, given back by reference: keys such as `__proto__` stay what they are. */
export function goMap(isValue: (value: unknown) => boolean, what: string) {
  return v.nullish(
    v.custom<JsonObject>(
      (value) => isJsonObject(value) && Object.values(value).every((item) => item === null || isValue(item)),
      `must be an object of ${what}`,
    ),
  );
}
export const goStringMap = goMap((value) => typeof value === "string", "strings");
export const isStrings = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => item === null || typeof item === "string");
/** `map[string]struct{}`, Go's set. */
export const goSet = goMap(isJsonObject, "objects");

/** A struct: its known keys come out in the spelling given here, unknown ones as they are. */
export function goStruct<const T extends v.ObjectEntries>(entries: T) {
  const canonical = new Map(Object.keys(entries).map((key) => [fold(key), key]));
  return v.pipe(
    v.custom<JsonObject>(isJsonObject, AN_OBJECT),
    v.transform((object) =>
      // As nearly all are.
      Object.keys(object).every((key) => Object.hasOwn(entries, key))
        ? object
        : // Object.fromEntries defines own properties, so that no key reaches a prototype.
          Object.fromEntries(Object.entries(object).map(([key, value]) => [canonical.get(fold(key)) ?? key, value])),
    ),
    v.looseObject(entries),
  );
}

/** A value of another type than Go has there. */
export interface Misfit {
  /** Keys and indices that lead to it, keys in Go's spelling. */
  readonly path: readonly (string | number)[];
  /** `"State.Pid" must be a number` */
  readonly message: string;
}

/** Where a value differs from a schema: everywhere, in the order of the schema. */
export function misfits(schema: v.GenericSchema, value: unknown): Misfit[] {
  return (v.safeParse(schema, value).issues ?? []).map((issue) => ({
    path: (issue.path ?? []).map(({ key }) => key as string | number),
    message: misfit(issue),
  }));
}

/** A copy without what is a misfit: what Go then has there is the default. */
export function withoutMisfits(value: unknown, found: readonly Misfit[]): unknown {
  const copy = structuredClone(value);
  // The last one first, as the items of an array move up.
  for (const { path } of [...found].reverse()) remove(copy, path);
  return copy;
}

function remove(at: unknown, [key, ...rest]: readonly (string | number)[]): void {
  if (typeof at !== "object" || at === null || key === undefined) return;
  if (Array.isArray(at)) {
    if (rest.length === 0) at.splice(Number(key), 1);
    else remove(at[Number(key)], rest);
    return;
  }
  const object = at as Record<string, unknown>;
  for (const spelt of Object.keys(object)) {
    if (fold(spelt) !== fold(String(key))) continue;
    if (rest.length === 0) delete object[spelt];
    else remove(object[spelt], rest);
  }
}

function misfit(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue) ?? "";
  const key = path === "" ? "it" : `"${path.replace(/[^\x20-\x7e]/g, "?").slice(0, 200)}"`;
  return `${key} ${issue.received === "undefined" ? "is missing" : issue.message}`;
}

/** Whether Go puts the value of a key into a field of this name. */
export function isField(key: string, name: string): boolean {
  return fold(key) === fold(name);
}

/** Go's folding for field names: ASCII case, and the two other characters that Unicode folds onto ASCII letters. */
function fold(key: string): string {
  return key.toLowerCase().replaceAll("\u017f", "s");
}

/** An object of a spec that knows no folding of keys: they match as they are, and unknown ones are kept. */
export function specObject<const T extends v.ObjectEntries>(entries: T) {
  return v.pipe(v.custom<JsonObject>(isJsonObject, AN_OBJECT), v.looseObject(entries));
}

/** value as the schema says, or an OvlError that names the first place where it differs. */
export function checkShape<const S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  context: { readonly subject: string; readonly code: ErrorCode },
): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new OvlError(context.code, `${context.subject}: ${misfit(issue)}`, { key: v.getDotPath(issue) ?? "" });
}
