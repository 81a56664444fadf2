/**
 * The arguments of a command, read by Node's own parser to the same result as by oclif's, but only where that is
 * plain: loading oclif takes longer than most commands do. What is wrong is not judged here, nor is what is seldom
 * written.
 */
import { type ParseArgsConfig, parseArgs } from "node:util";

type ParseArgsOption = NonNullable<ParseArgsConfig["options"]>[string];

/** What is read of oclif's declarations. */
interface Declaration {
  readonly default?: unknown;
  readonly multiple?: boolean;
  readonly required?: boolean;
  parse(input: never, context: never, declaration: never): Promise<unknown>;
}

interface FlagDeclaration extends Declaration {
  readonly type: "boolean" | "option";
  readonly char?: string;
  readonly env?: string;
  readonly options?: readonly string[];
  readonly exclusive?: readonly string[];
  readonly multipleNonGreedy?: boolean;
  readonly allowNo?: boolean;
}

interface ArgDeclaration extends Declaration {
  readonly ignoreStdin?: boolean;
}

export interface Declarations {
  readonly flags: Readonly<Record<string, FlagDeclaration>>;
  readonly args: Readonly<Record<string, ArgDeclaration>>;
  /** Whether there may be no more arguments than `args` names. */
  readonly strict: boolean;
}

export interface Plain {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly args: Readonly<Record<string, unknown>>;
  readonly argv: readonly string[];
}

/** All that a declaration may say for its flag or argument to be read here. */
const KNOWN = new Set(
  (
    "type parse input name summary description helpValue helpGroup hidden " +
    "char env options default multiple multipleNonGreedy exclusive allowNo min max required ignoreStdin"
  ).split(" "),
);

/** null where oclif has to be asked, for an answer or for a refusal. */
export async function plainly(argv: readonly string[], declared: Declarations): Promise<Plain | null> {
  const known = [...Object.values(declared.flags), ...Object.values(declared.args)];
  if (!known.every((one) => Object.keys(one).every((key) => KNOWN.has(key)))) return null;
  const words = split(argv, declared.flags);
  const args = words === null ? null : await assigned(words.argv, declared);
  const flags = words === null ? null : await valuesOf(words.given, declared.flags);
  return words === null || args === null || flags === null ? null : { flags, args, argv: words.argv };
}

interface Words {
  /** By flag, what was given for it; `true` for a boolean one. */
  readonly given: Readonly<Record<string, readonly (string | true)[] | undefined>>;
  readonly argv: readonly string[];
}

/** A short flag with a value in the same word, where the two parsers differ on what the value is. */
const AMBIGUOUS = /^-[^-].*[-=]/s;

/** What Node's own parser refuses is for oclif to take or to refuse. */
function split(argv: readonly string[], flags: Declarations["flags"]): Words | null {
  if (argv.some((word) => AMBIGUOUS.test(word))) return null;
  const options = Object.entries(flags).map(([name, { type, char }]): [string, ParseArgsOption] => [
    name,
    { type: type === "boolean" ? "boolean" : "string", multiple: true, ...(char !== undefined && { short: char }) },
  ]);
  try {
    const parsed = parseArgs({ args: argv, options: Object.fromEntries(options), allowPositionals: true });
    return { given: parsed.values as Words["given"], argv: parsed.positionals };
  } catch {
    return null;
  }
}

async function valuesOf(given: Words["given"], flags: Declarations["flags"]): Promise<Plain["flags"] | null> {
  const values: Record<string, unknown> = {};
  const chosen = new Set<string>();
  for (const [name, flag] of Object.entries(flags)) {
    const inputs = given[name] ?? fromEnvironment(flag);
    if (inputs.length === 0) {
      if (flag.required === true || typeof flag.default === "function") return null;
      if (flag.default !== undefined) values[name] = flag.default;
      continue;
    }
    const parsed = await parsedBy(flag, inputs);
    if (parsed === null) return null;
    values[name] = parsed.value;
    chosen.add(name);
  }
  const clash = [...chosen].some((name) => flags[name]?.exclusive?.some((other) => chosen.has(other)));
  return clash ? null : values;
}

function fromEnvironment({ env }: FlagDeclaration): readonly (string | true)[] {
  const value = env === undefined ? undefined : process.env[env];
  return value === undefined || value === "" ? [] : [value];
}

async function parsedBy(flag: FlagDeclaration, inputs: readonly (string | true)[]): Promise<{ value: unknown } | null> {
  if (flag.type === "boolean") return inputs.every((input) => input === true) && !flag.allowNo ? { value: true } : null;
  if (flag.multiple === true ? flag.multipleNonGreedy !== true : inputs.length > 1) return null;
  const texts = inputs.map(String);
  if (flag.options !== undefined && !texts.every((text) => flag.options?.includes(text))) return null;
  const values = await settled(texts.map((text) => flag.parse(text as never, NO_CONTEXT, flag as never)));
  return values === null ? null : { value: flag.multiple === true ? values : values[0] };
}

/** null where one of them was refused. */
async function settled<T>(values: readonly Promise<T>[]): Promise<readonly T[] | null> {
  return Promise.all(values).catch(() => null);
}

/** What oclif gives a declaration's `parse`; none that is read here looks at it. */
const NO_CONTEXT = undefined as never;

async function assigned(words: readonly string[], { args, strict }: Declarations): Promise<Plain["args"] | null> {
  const declared = Object.entries(args);
  const variadic = declared.findIndex(([, arg]) => arg.multiple === true);
  const behind = variadic < 0 ? 0 : declared.length - 1 - variadic;
  if (variadic < 0 && strict && words.length > declared.length) return null;
  if (variadic >= 0 && words.length < variadic + behind) return null;
  const values: Record<string, unknown> = {};
  for (const [at, [name, arg]] of declared.entries()) {
    const from = at <= variadic || variadic < 0 ? at : words.length - declared.length + at;
    const own = words.slice(from, at === variadic ? words.length - behind : from + 1);
    const parsed = await settled(own.map((word) => arg.parse(word as never, NO_CONTEXT, arg as never)));
    if (parsed === null) return null;
    if (parsed.length > 0) values[name] = at === variadic ? parsed : parsed[0];
    else if (arg.required === true || arg.ignoreStdin !== true || typeof arg.default === "function") return null;
    else if (arg.default) values[name] = arg.default;
  }
  return values;
}
