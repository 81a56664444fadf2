/** The arguments of `ovl create`, as docker's client reads them. */

/** Flags before the image that take the next argument for their value. */
const WITH_VALUE = new Set(
  "--name -e --env -w --workdir --entrypoint --hostname --label --root --storage-driver --progress".split(" "),
);
/** Flags of every command, which may stand at the end of any. */
const TRAILING = new Set(["--root", "--storage-driver", "--progress", "--json", "--no-color", "--no-trunc", "--quiet"]);

/**
 * The arguments with ovl's own first, then `--`, the image and its command: what stands behind the image is the
 * command's, as with docker, but for the flags that every command of ovl has. Behind another `--` those are the
 * command's, too.
 */
export function ovlFirst(argv: readonly string[]): string[] {
  let image = 0;
  for (let arg = argv[image]; arg?.startsWith("-") && arg !== "-" && arg !== "--"; arg = argv[image]) {
    image += WITH_VALUE.has(arg) ? 2 : 1;
  }
  const own = argv.slice(0, image);
  const rest = argv.slice(argv[image] === "--" ? image + 1 : image);
  const command = rest.slice(0, 1);
  for (let at = 1; at < rest.length; at++) {
    const arg = rest[at] as string;
    if (arg === "--") {
      command.push(...rest.slice(at + 1));
      break;
    }
    const flag = arg.split("=", 1)[0] as string;
    if (!TRAILING.has(flag)) command.push(arg);
    else if (flag === arg && WITH_VALUE.has(arg)) own.push(arg, ...rest.slice(++at, at + 1));
    else own.push(arg);
  }
  return command.length === 0 ? own : [...own, "--", ...command];
}

/** A variable without a value has the one it has here; where it has none it stays a bare name. */
export function variablesOf(given: readonly string[], environment: NodeJS.ProcessEnv): string[] {
  return given.map((variable) => {
    const value = variable.includes("=") ? undefined : environment[variable];
    return value === undefined ? variable : `${variable}=${value}`;
  });
}

/** A label without a value is an empty one; the last of each key counts. */
export function labelsOf(given: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    given.map((label) => {
      const equals = label.indexOf("=");
      return equals < 0 ? [label, ""] : [label.slice(0, equals), label.slice(equals + 1)];
    }),
  );
}
