/** Text of Dockerfile instructions taken apart: lines joined, comments dropped, the flags of each set aside. */
import { OvlError } from "../errors.js";

/** One instruction: `HEALTHCHECK --retries=3 CMD true`. */
export interface Instruction {
  /** In lower case: `healthcheck`. */
  readonly name: string;
  /** Words that start with `--`, unquoted. */
  readonly flags: readonly string[];
  /** What follows them, without surrounding space. */
  readonly rest: string;
  /** All of it as one line. */
  readonly line: string;
}

/** Throws USAGE for text without any instruction. A `# escape=` directive is a comment: the escape is a backslash. */
export function parseInstructions(text: string): Instruction[] {
  const instructions = logicalLines(text).map(parseInstruction);
  if (instructions.length > 0) return instructions;
  throw changeError(text, "it has no instruction");
}

export function parseInstruction(line: string): Instruction {
  const [name = "", ...more] = line.trim().split(/([\t\v\f\r ]+)/);
  const { flags, rest } = splitFlags(more.slice(1).join(""));
  return { name: name.toLowerCase(), flags, rest: rest.trim(), line };
}

export function changeError(line: string, why: string): OvlError {
  return new OvlError("USAGE", `cannot apply the change ${JSON.stringify(line)}: ${why}`, { change: line });
}

/** Lines with their continuations; inside of them comments and empty lines are dropped. */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let open: string | null = null;
  for (const raw of text.split("\n")) {
    const physical = raw.replace(/\r+$/, "");
    const isBlank = physical.trim() === "";
    if (/^\s*#/.test(physical) || isBlank) continue;
    const line: string = open === null ? physical.trimStart() : open + physical;
    // A backslash behind a backslash is an escaped one.
    const continued = /(?:^|[^\\])\\[ \t]*$/.test(physical);
    open = continued ? line.replace(/\\[ \t]*$/, "") : null;
    if (open === null) lines.push(line);
  }
  return open === null ? lines : [...lines, open];
}

/** Leading words that start with `--`. Quotes group and a backslash escapes, as in a shell. */
function splitFlags(text: string): { flags: string[]; rest: string } {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && /\s/.test(text.charAt(at))) at++;
    if (!text.startsWith("--", at)) return { flags, rest: text.slice(at) };
    let word = "";
    let quote: string | null = null;
    for (; at < text.length && (quote !== null || !/\s/.test(text.charAt(at))); at++) {
      const char = text.charAt(at);
      if (quote === null && (char === "'" || char === '"')) quote = char;
      else if (char === quote) quote = null;
      else if (char === "\\") word += text.charAt(++at);
      else word += char;
    }
    if (word === "--") return { flags, rest: text.slice(at) };
    flags.push(word);
  }
}
