/** Patterns of Go's path.Match, which `docker images` filters names by. */
import { OvlError } from "../errors.js";

/** Throws USAGE where the pattern is malformed. `*` and `?` match no slash. */
export function goGlob(pattern: string): (text: string) => boolean {
  let source = "";
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i);
    if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else if (char === "[") [source, i] = characterClass(pattern, i, source);
    else if (char === "\\") source += literal(pattern, ++i);
    else source += literal(pattern, i);
  }
  const expression = new RegExp(`^${source}$`, "su");
  return (text) => expression.test(text);
}

function characterClass(pattern: string, start: number, before: string): [source: string, end: number] {
  let source = "[";
  let i = start + 1;
  if (pattern[i] === "^") {
    source += "^";
    i++;
  }
  for (let items = 0; items === 0 || pattern[i] !== "]"; items++) {
    let low: string;
    [low, i] = classItem(pattern, i);
    if (pattern[i] === "-") {
      let high: string;
      [high, i] = classItem(pattern, i + 1);
      // Go takes an empty range for one that matches nothing; a regular expression calls it an error.
      source += low <= high ? `${inClass(low)}-${inClass(high)}` : "";
    } else source += inClass(low);
  }
  return [`${before}${source}]`, i];
}

function classItem(pattern: string, at: number): [char: string, next: number] {
  const i = pattern[at] === "\\" ? at + 1 : at;
  const char = pattern[i];
  if (char === undefined || (i === at && (char === "-" || char === "]"))) throw malformed(pattern);
  return [char, i + 1];
}

function literal(pattern: string, i: number): string {
  const char = pattern[i];
  if (char === undefined) throw malformed(pattern);
  return escaped(char);
}

function escaped(char: string): string {
  return char.replace(/[\^$\\.*+?()[\]{}|/]/, "\\$&");
}

/** A hyphen has a meaning in a class alone; elsewhere its escape is an error. */
function inClass(char: string): string {
  return char === "-" ? "\\-" : escaped(char);
}

function malformed(pattern: string): OvlError {
  return new OvlError("USAGE", `malformed pattern ${JSON.stringify(pattern)}`, { pattern });
}
