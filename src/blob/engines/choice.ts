/**
 * Which libraries do the work. Users choose with OVL_ENGINES, to compare speed or to rule a library out:
 * `auto` (the default) takes the fastest that works, `node` only what Node and npm packages bring.
 */
import { OvlError } from "../../errors.js";
import { type Library, libraryOf } from "../../sys/native.js";

/** An engine that may work here. */
export interface Candidate<E> {
  /** Shared library that it needs; null: one inside Node itself. */
  readonly library: string | null;
  /** May throw: the library lacks a symbol. */
  load(library: Library): E;
}

/**
 * The first candidate that is allowed, installed, and passes its test; null where none is. Throws IO where that
 * could not be found out.
 */
export function bestOf<E>(candidates: readonly Candidate<E>[], passes: (engine: E) => boolean): E | null {
  const nodeOnly = engineChoice() === "node";
  for (const candidate of candidates) {
    if (nodeOnly && candidate.library !== null) continue;
    const engine = attempt(candidate, passes);
    if (engine !== null) return engine;
  }
  return null;
}

/** All that work, whatever the user chose. */
export function allOf<E>(candidates: readonly Candidate<E>[], passes: (engine: E) => boolean): E[] {
  return candidates.map((candidate) => attempt(candidate, passes)).filter((engine) => engine !== null);
}

function attempt<E>(candidate: Candidate<E>, passes: (engine: E) => boolean): E | null {
  const library = libraryOf(candidate.library);
  if (library === null) return null;
  try {
    const engine = candidate.load(library);
    return passes(engine) ? engine : null;
  } catch {
    return null;
  }
}

function engineChoice(): "auto" | "node" {
  const value = process.env["OVL_ENGINES"] || "auto";
  if (value === "auto" || value === "node") return value;
  throw new OvlError("USAGE", `OVL_ENGINES is "${value}"; it can be auto or node`, {
    expected: ["auto", "node"],
    actual: value,
  });
}
