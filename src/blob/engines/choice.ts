/**
 * Which libraries decode. Users choose with OVL_ENGINES, to compare speed or to rule a library out:
 * `auto` (the default) takes the fastest that works, `node` only what Node and npm packages bring.
 */
import { OvlError } from "../../errors.js";

export type EngineChoice = "auto" | "node";

export function engineChoice(): EngineChoice {
  const value = process.env["OVL_ENGINES"] ?? "auto";
  if (value === "auto" || value === "node") return value;
  throw new OvlError("USAGE", `OVL_ENGINES is "${value}"; it can be auto or node`, {
    expected: "auto|node",
    actual: value,
  });
}
