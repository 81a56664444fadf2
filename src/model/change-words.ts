/** Arguments of Dockerfile instructions: JSON arrays, key-value pairs and words, with their quotes still on. */
import { OvlError } from "../errors.js";
import { changeError } from "./change-lines.js";
import { parseJson } from "./json.js";

/** Beyond what a command line can carry. */
const MAX_JSON_BYTES = 4 * 1024 * 1024;

/**
 * The strings of a JSON array, null for anything that is none: then the shell form is meant. As with docker 20.10,
 * what follows the array is ignored. Throws USAGE for an array of something else.
 */
export function jsonStrings(text: string, line: string): string[] | null {
  if (!text.startsWith("[")) return null;
  let value: unknown;
  try {
    const context = { subject: "array", code: "USAGE", maxBytes: MAX_JSON_BYTES } as const;
    value = parseJson(Buffer.from(text), { ...context, trailing: "ignore" });
  } catch (error) {
    if (error instanceof OvlError) return null;
    throw error;
  }
  const items: unknown[] = Array.isArray(value) ? value : [];
  if (items.every((item) => typeof item === "string")) return items;
  throw changeError(line, "a JSON array here holds strings only");
}

/** Words between white space. */
export function plainWords(text: string): string[] {
  return text === "" ? [] : text.split(/[\t\v\f\r ]+/);
}

/** `KEY=value …`, or the older `KEY value` with one pair on the line. Quotes are kept. Throws USAGE. */
export function keyValues(text: string, line: string): [key: string, value: string][] {
  const words = quotedWords(text);
  const [first] = words;
  if (first === undefined) throw changeError(line, "it needs at least one argument");
  if (!first.includes("=")) {
    const [, key, value] = /^([^\t\v\f\r ]+)[\t\v\f\r ]+(.*)$/s.exec(text) ?? [];
    if (key === undefined || value === undefined) throw changeError(line, "it needs a name and a value");
    return [[key, value]];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    if (equals < 0) throw changeError(line, `there is no = in ${JSON.stringify(word)}`);
    if (equals === 0) throw changeError(line, "a name is blank");
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** Words between white space that is neither quoted nor escaped. */
function quotedWords(text: string): string[] {
  const words: string[] = [];
  let word = "";
  let quote: string | null = null;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (quote === null && /\s/.test(char)) {
      if (word !== "") words.push(word);
      word = "";
      continue;
    }
    word += char;
    if (char === "\\" && quote !== "'") {
      if (at + 1 < text.length) word += text.charAt(++at);
      else word = word.slice(0, -1);
    } else if (char === quote) quote = null;
    else if (quote === null && (char === "'" || char === '"')) quote = char;
  }
  return word === "" ? words : [...words, word];
}
