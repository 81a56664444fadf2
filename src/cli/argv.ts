/** What must be known of the arguments before oclif has parsed them. */

/** Flags of every command that take the next argument for their value. */
export const VALUE_FLAGS: ReadonlySet<string> = new Set(["--root", "--storage-driver", "--progress"]);
const SWITCHES = new Set(["--json", "--quiet", "-q", "--no-trunc", "--no-color"]);

/** Whether a word is a flag of every command, without or with a value. */
export function isGlobalFlag(word: string): boolean {
  const [name = ""] = word.split("=", 1);
  return VALUE_FLAGS.has(name) || SWITCHES.has(name);
}

/** Flags of every command may stand before it, as docker's do: `ovl --root R images` is `ovl images --root R`. */
export function commandFirst(argv: readonly string[]): string[] {
  let at = 0;
  for (;;) {
    const flag = argv[at];
    if (flag === undefined) return [...argv];
    if (VALUE_FLAGS.has(flag)) at += 2;
    else if (isGlobalFlag(flag)) at += 1;
    else if (flag.startsWith("-")) return [...argv];
    else return [flag, ...argv.slice(0, at), ...argv.slice(at + 1)];
  }
}

/** Whether the one document on stdout is to be JSON, by the same rule as oclif's. */
export function wantsJson(argv: readonly string[]): boolean {
  return process.env["OVL_CONTENT_TYPE"]?.toLowerCase() === "json" || isOn(argv, "--json");
}

/** Whether `--no-color` is given. */
export function wantsNoColor(argv: readonly string[]): boolean {
  return isOn(argv, "--no-color");
}

function isOn(argv: readonly string[], flag: string): boolean {
  const last = beforeDashes(argv).findLast((word) => word === flag || word.startsWith(`${flag}=`));
  return last !== undefined && switchValue(last.slice(flag.length + 1) || "true") !== false;
}

/** The value of a boolean flag, by the words that Go's flags take; null for other words. */
export function switchValue(text: string): boolean | null {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  return /^(0|f|F|false|FALSE|False)$/.test(text) ? false : null;
}

/** Whether the command's help is wanted and not the command, by the same rule as oclif's. */
export function asksForHelp(argv: readonly string[]): boolean {
  return beforeDashes(argv).some((arg) => arg === "--help" || arg === "-h");
}

/** The arguments among which flags are; all of them where no `--` ends them. */
export function beforeDashes(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf("--");
  return end < 0 ? argv : argv.slice(0, end);
}
