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
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

export function writeLines(text: string): void {
  if (text !== "") process.stdout.write(`${text}\n`);
}
