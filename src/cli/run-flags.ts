/** The arguments of `ovl create`, as docker's client reads them. */
import { OvlError } from "../errors.js";
import { isGlobalFlag, VALUE_FLAGS } from "./argv.js";

/** Flags before the image that take the next argument for their value. */
const WITH_VALUE = new Set([
  ...VALUE_FLAGS,
  ...["--name", "-e", "--env", "-w", "--workdir", "--entrypoint", "--hostname", "--label"],
]);

/**
 * The arguments with ovl's own first, then `--`, the image and its command: what stands behind the image is the
 * command's, word for word, as with docker, but for flags of every command of ovl at the very end. Behind a `--`,
 * before the image or in its command, those are the command's, too.
 */
export function ovlFirst(argv: readonly string[]): string[] {
  let image = 0;
  for (let arg = argv[image]; arg?.startsWith("-") && arg !== "-" && arg !== "--"; arg = argv[image]) {
    image += WITH_VALUE.has(arg) ? 2 : 1;
  }
  const own = argv.slice(0, image);
  const rest = argv.slice(argv[image] === "--" ? image + 1 : image);
  const end = argv.includes("--", image) ? rest.length : withoutTrailing(rest);
  const command = rest.slice(0, end);
  return [...own, ...rest.slice(end), ...(command.length === 0 ? [] : ["--", ...command])];
}

/** Where the flags of every command begin that the image and its command end with. */
function withoutTrailing(words: readonly string[]): number {
  let end = words.length;
  for (;;) {
    const [before = "", last = ""] = [words[end - 2], words[end - 1]];
    // The short `-q` is the command's: many have one.
    if (end > 1 && isGlobalFlag(last) && !last.startsWith("-q") && !VALUE_FLAGS.has(last)) end -= 1;
    else if (end > 2 && VALUE_FLAGS.has(before)) end -= 2;
    else return end;
  }
}

/** A variable without a value has the one it has here; where it has none it stays a bare name. */
export function variablesOf(given: readonly string[], environment: NodeJS.ProcessEnv): string[] {
  return given.map((variable) => {
    const value = variable.includes("=") ? undefined : environment[variable];
    return value === undefined ? variable : `${variable}=${value}`;
  });
}

/** A label without a value is an empty one; the last of each key counts. Throws USAGE for one without a key. */
export function labelsOf(given: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    given.map((label) => {
      const equals = label.indexOf("=");
      if (label === "" || equals === 0) {
        throw new OvlError("USAGE", `invalid label ${JSON.stringify(label)}: expected KEY=VALUE, and there is no key`);
      }
      return equals < 0 ? [label, ""] : [label.slice(0, equals), label.slice(equals + 1)];
    }),
  );
}
