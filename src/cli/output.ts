/** stdout answers: one JSON document, identifiers one a line, or text for people. */

/** How an answer looks to people; its JSON is the answer itself. */
export interface View {
  /** Without `--json` and `--quiet`. Lines without the last newline; empty prints nothing. */
  text(): string;
  /** With `--quiet`: identifiers only. */
  ids(): readonly string[];
}

/** Two spaces and a newline at the end, whatever the terminal. */
export function writeJson(value: unknown): void {
  process.stdout.write(`${jsonText(value, 2)}\n`);
}

/**
 * JSON that drives no terminal: what JSON leaves as it is, and some terminals obey (DEL, C1, what turns text around),
 * is escaped, which to a parser is the same.
 */
export function jsonText(value: unknown, indent = 0): string {
  return JSON.stringify(value, null, indent).replace(
    /[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export function writeLines(text: string): void {
  if (text !== "") process.stdout.write(`${text}\n`);
}
