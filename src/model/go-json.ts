/** JSON as Go's encoding/json writes it: compact, map keys in byte order, what HTML would read escaped. */

export type GoValue = string | number | boolean | null | readonly GoValue[] | ReadonlyMap<string, GoValue> | GoStruct;

/** Written with its keys in the order given: a Go struct. A Map is a Go map: its keys are sorted. */
export interface GoStruct {
  readonly [key: string]: GoValue;
}

export function goJson(value: GoValue): string {
  if (typeof value === "string") return quote(value);
  if (value === null || typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map(goJson).join(",")}]`;
  const isMap = value instanceof Map;
  const entries: [string, GoValue][] = isMap ? [...value].sort(byKeyBytes) : Object.entries(value);
  return `{${entries.map(([key, item]) => `${quote(key)}:${goJson(item)}`).join(",")}}`;
}

/** Order of a Go map's keys in JSON; UTF-16 code units order differently. */
export function byKeyBytes([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

// JSON.stringify differs in what it escapes: \b and \f in short form, and nothing for HTML.
function quote(text: string): string {
  return `"${text.replace(/["\\\x00-\x1f<>&\u2028\u2029]/g, escapeChar)}"`;
}

function escapeChar(char: string): string {
  const short = { '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" }[char];
  return short ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
