/**
 * Declarations of flags as `@oclif/core/flags` makes them, without loading oclif: that takes longer than most
 * commands do. They are oclif's by type, and its help, manifest and parser take them for its own.
 */
import type * as Oclif from "@oclif/core/flags";

export const boolean = ((options = {}) => ({
  parse: async (given: boolean) => given,
  ...options,
  allowNo: Boolean(options.allowNo),
  type: "boolean",
})) as typeof Oclif.boolean;

export const string = declared({}) as unknown as typeof Oclif.string;

/** One of a few values, which are its type. */
export const option = declared as unknown as typeof Oclif.option;

export const integer = declared({ parse: parseInteger }) as unknown as typeof Oclif.integer;

interface Options {
  readonly multiple?: boolean;
  readonly parse?: unknown;
}

function declared(defaults: Options) {
  return (options: Options = {}) => ({
    parse: async (text: string) => text,
    ...defaults,
    ...options,
    input: [],
    multiple: Boolean(options.multiple ?? defaults.multiple),
    type: "option",
  });
}

async function parseInteger(text: string, context: never, options: { readonly min?: number; readonly max?: number }) {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = options;
  const value = Number(text);
  if (/^-?\d+$/.test(text) && value >= min && value <= max) return value;
  // oclif refuses it, in its own words.
  const { integer } = await import("@oclif/core/flags");
  return integer().parse(text, context, options as never);
}
