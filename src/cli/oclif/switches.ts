/** Values of boolean flags, as docker's client takes them: `--force=false` is no `--force`. */
import { OvlError } from "../../errors.js";
import { beforeDashes, switchValue } from "../argv.js";

/** What is read of the declarations of flags. */
type Declarations = Readonly<Record<string, { readonly type: string; readonly char?: string | undefined }>>;

/**
 * The arguments with no such values: the flag alone, or none of it; the last one counts. Throws USAGE for other values.
 */
export function withoutSwitchValues(argv: readonly string[], flags: Declarations): readonly string[] {
  const own = beforeDashes(argv);
  let words: string[] = [];
  for (const [at, word] of own.entries()) {
    const [, dashes = "", name = "", value = ""] = /^(--?)([^=-][^=]*)=(.*)$/s.exec(word) ?? [];
    const spelled = spellings(flags, dashes, name);
    if (spelled === null || takesNext(flags, own[at - 1])) {
      words.push(word);
      continue;
    }
    const isOn = switchValue(value);
    if (isOn === null) {
      throw new OvlError(
        "USAGE",
        `${dashes}${name} is on or off; expected true or false, not ${JSON.stringify(value)}`,
      );
    }
    // What stands before it is overruled.
    words = words.filter((other) => !spelled.includes(other));
    if (isOn) words.push(`${dashes}${name}`);
  }
  return [...words, ...argv.slice(own.length)];
}

/** Every way to write a boolean flag; null for what is none. */
function spellings(flags: Declarations, dashes: string, name: string): readonly string[] | null {
  for (const [long, { type, char }] of Object.entries(flags)) {
    if (type !== "boolean" || (dashes === "--" ? long : char) !== name) continue;
    return char === undefined ? [`--${long}`] : [`--${long}`, `-${char}`];
  }
  return null;
}

/** Whether the word behind this one is its value. */
function takesNext(flags: Declarations, word: string | undefined): boolean {
  return Object.entries(flags).some(
    ([long, { type, char }]) =>
      type === "option" && (word === `--${long}` || (char !== undefined && word === `-${char}`)),
  );
}
