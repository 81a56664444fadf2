/** What a kind of input is: made from chance, given to the library, and looked at. */
import { asOvlError, type OvlError } from "../../src/errors.js";
import type { Random } from "./random.js";

export interface Place {
  /** A directory that is the input's own, empty before it. */
  readonly own: string;
  /** Beside it; nothing may be different in there, ever. */
  readonly outside: string;
  /** Made once, kept for all inputs of a kind. */
  readonly kept: string;
}

export interface Kind {
  /** Once a process. */
  readonly prepare?: (place: Place) => void | Promise<void>;
  /** One input. Whatever it throws, but for the errors of the contract, is a finding. */
  readonly run: (random: Random, place: Place) => void | Promise<void>;
}

/** Largest layer and archive that an input may unpack to. */
export const MAX_BYTES = 4 * 2 ** 20;

/** The answer, or the refusal in ovl's own words. Everything else is thrown on: a finding. */
export function refusalOf<T>(work: () => T): T | OvlError {
  try {
    return work();
  } catch (thrown) {
    return refusal(thrown);
  }
}

export async function refusalOfAsync<T>(work: () => Promise<T>): Promise<T | OvlError> {
  try {
    return await work();
  } catch (thrown) {
    return refusal(thrown);
  }
}

function refusal(thrown: unknown): OvlError {
  const error = asOvlError(thrown);
  // As the command line does it; INTERNAL (70) is a bug, wherever it comes from.
  if (error.code === "INTERNAL") throw thrown;
  if (!/\S/.test(error.message)) throw new Error(`${error.code} without a message`, { cause: thrown });
  JSON.stringify({ ...error.toData(), exit: error.exit });
  return error;
}
