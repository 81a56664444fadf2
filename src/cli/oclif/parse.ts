/** The arguments of a command: read here where they are plain, and by oclif's parser where they are not. */
import type { ArgInput, FlagInput, Input, ParserOutput } from "@oclif/core/interfaces";
import { boolean } from "./flags.js";
import { plainly } from "./plain.js";
import { withoutSwitchValues } from "./switches.js";

export interface Parsed<Flags, Args> {
  readonly flags: Flags;
  readonly args: Args;
  /** The arguments in their order, without flags and their values. */
  readonly argv: readonly string[];
}

/** Names and values of flags or of arguments. */
export type Values = Record<string, unknown>;

/** Throws USAGE, and what oclif's parser throws, which `usageError` puts into words. */
export async function parse<F extends Values, B extends Values, A extends Values>(
  argv: readonly string[],
  command: Input<F, B, A>,
): Promise<Parsed<ParserOutput<F, B, A>["flags"], A>> {
  const flags: FlagInput = { json: JSON_FLAG, ...command.baseFlags, ...command.flags };
  const args: ArgInput = { ...command.args };
  const strict = command.strict !== false;
  const words = withoutSwitchValues(argv, flags);
  const plain = await plainly(words, { flags, args, strict });
  if (plain !== null) return plain as Parsed<ParserOutput<F, B, A>["flags"], A>;
  const oclif = await import("@oclif/core/parser");
  const parsed = await oclif.parse([...words], { flags, args, strict });
  const given = parsed.raw.filter(({ type }) => type === "arg").map(({ input }) => input);
  return { flags: parsed.flags as ParserOutput<F, B, A>["flags"], args: parsed.args as A, argv: given };
}

/** As oclif declares it for every command with `enableJsonFlag`. */
const JSON_FLAG = boolean({ description: "Format output as json.", helpGroup: "GLOBAL" });
