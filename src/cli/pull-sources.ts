/** What is asked of one `ovl pull`. */
import { availableParallelism } from "node:os";
import { OvlError } from "../errors.js";
import type { RegistryOptions } from "../source/registry/options.js";
import { tagOf } from "../store/tag.js";
import { imageIdOf, maxLayerBytesOf, platformOf } from "./flags.js";

export interface PullFlags {
  readonly tag?: readonly string[] | undefined;
  readonly platform?: string | undefined;
  readonly expect?: string | undefined;
  readonly strict: boolean;
  readonly jobs?: number | undefined;
  readonly "max-layer-size"?: string | undefined;
}

/** What the flags of a pull mean; refused before anything is opened. Throws USAGE. */
export async function pullPlan(sources: readonly string[], flags: PullFlags, registry: RegistryOptions) {
  if (sources.length === 0) throw new OvlError("USAGE", "missing argument: SOURCE; see ovl pull --help");
  if (sources.filter((source) => source === "-").length > 1) {
    throw new OvlError("USAGE", "- stands for standard input, which can be read once; name it once");
  }
  return {
    sources,
    platform: await platformOf(flags.platform),
    registry,
    options: {
      tags: (flags.tag ?? []).map(tagOf),
      expect: await imageIdOf(flags.expect),
      strict: flags.strict,
      jobs: flags.jobs ?? availableParallelism(),
      maxLayerBytes: await maxLayerBytesOf(flags),
    },
  };
}
