/** JSON kept as the bytes it is: Go's json.RawMessage, whose numbers and escapes survive being written again. */
import type { ByteString } from "./bytes.js";

/** Keys and raw values of a JSON object that is known to be valid. Of equal keys the last value counts. */
export function rawMembers(json: ByteString): Map<string, ByteString> {
  return new Map(rawEntries(json));
}

/** The same in their order, equal keys each time. */
export function rawEntries(json: ByteString): [string, ByteString][] {
  const entries: [string, ByteString][] = [];
  let at = skipSpace(json, json.indexOf("{") + 1);
  while (json[at] === '"') {
    const keyEnd = stringEnd(json, at);
    const key = JSON.parse(Buffer.from(json.slice(at, keyEnd), "latin1").toString("utf8")) as string;
    const start = skipSpace(json, json.indexOf(":", keyEnd) + 1);
    const end = valueEnd(json, start);
    entries.push([key, json.slice(start, end) as ByteString]);
    at = skipSpace(json, end);
    if (json[at] === ",") at = skipSpace(json, at + 1);
  }
  return entries;
}

/** A raw value as Go writes it into another document: without space, and without what HTML would read. */
export function compact(json: ByteString): ByteString {
  let text = "";
  for (let at = skipSpace(json, 0); at < json.length; at = skipSpace(json, at)) {
    const end = json[at] === '"' ? stringEnd(json, at) : at + 1;
    text += json.slice(at, end);
    at = end;
  }
  return text.replace(/[<>&]|\xe2\x80[\xa8\xa9]/g, escapeForHtml) as ByteString;
}

/** U+2028 and U+2029 are three bytes here. */
function escapeForHtml(found: string): string {
  const code = found.length === 1 ? found.charCodeAt(0) : 0x2028 + (found.charCodeAt(2) - 0xa8);
  return `\\u${code.toString(16).padStart(4, "0")}`;
}

function skipSpace(json: string, from: number): number {
  let at = from;
  while (at < json.length && " \t\r\n".includes(json[at] as string)) at++;
  return at;
}

/** Offset behind the string that starts at a quote. */
function stringEnd(json: string, quote: number): number {
  let at = quote + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at + 1;
}

function valueEnd(json: string, from: number): number {
  let depth = 0;
  for (let at = from; at < json.length; ) {
    const char = json[at] as string;
    if (depth === 0 && (char === "," || char === "}" || char === "]")) return at;
    if (char === "{" || char === "[") depth++;
    if (char === "}" || char === "]") depth--;
    at = char === '"' ? stringEnd(json, at) : at + 1;
    if (depth === 0 && (char === "}" || char === "]" || char === '"')) return at;
  }
  return json.length;
}
