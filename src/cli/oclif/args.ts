/** Declarations of arguments as `@oclif/core/args` makes them, without loading oclif; see `flags.ts`. */
import type * as Oclif from "@oclif/core/args";

export const string = ((options: object = {}) => ({
  parse: async (text: string) => text,
  ...options,
  input: [],
  type: "option",
})) as unknown as typeof Oclif.string;
