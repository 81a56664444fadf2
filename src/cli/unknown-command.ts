/** A word that no command goes by: a usage error with a near suggestion, in text and in JSON. */
import { OvlError } from "../errors.js";
import { asksForHelp, isGlobalFlag } from "./argv.js";
import { nearest } from "./suggest.js";

/** Commands of oclif's plugins. */
const PLUGINS = ["help", "autocomplete"];

/**
 * What is wrong with a command line that is not for a command of ovl; null where it is for oclif: help, completion, and
 * nothing at all.
 * @param commands by their names
 */
export function unknownCommand(argv: readonly string[], commands: readonly string[]): OvlError | null {
  const known = [...commands, ...PLUGINS];
  const [first, ...rest] = argv;
  if (first === undefined) return null;
  if (first.startsWith("-")) {
    if (asksForHelp(argv)) return null;
    const flag = argv.find((word) => word.startsWith("-") && !isGlobalFlag(word));
    return usage(flag === undefined ? "missing argument: COMMAND" : `unknown flag: ${flag}`);
  }
  const word = first === "help" ? rest.find((other) => !other.startsWith("-")) : first;
  if (word === undefined || known.includes(word)) return null;
  const near = nearest(word, known);
  return usage(`unknown command: ${word}${near === null ? "" : `, did you mean ${near}?`}`);
}

function usage(what: string): OvlError {
  return new OvlError("USAGE", `${what}; see ovl --help`);
}
