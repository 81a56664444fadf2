/** The sources of one `ovl pull`, opened, chosen from, and brought into the store together. */
import { availableParallelism } from "node:os";
import { OvlError } from "../errors.js";
import type { LayerProgress } from "../layer/progress.js";
import { openSource } from "../source/open-source.js";
import type { RegistryOptions } from "../source/registry/options.js";
import type { ImageSource, SourceImage } from "../source/source.js";
import { type PullResult, pull } from "../store/pull.js";
import type { Store } from "../store/store.js";
import { tagOf } from "../store/tag.js";
import { imageIdOf, maxLayerBytesOf, platformOf } from "./flags.js";
import { unlessInterrupted } from "./interrupt.js";

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

/** All images of all sources, or none of them. */
export async function pullSources(
  store: Store,
  plan: Awaited<ReturnType<typeof pullPlan>>,
  run: { readonly signal: AbortSignal; readonly progress: LayerProgress },
): Promise<PullResult> {
  const opened: ImageSource[] = [];
  try {
    const images: SourceImage[] = [];
    for (const argument of plan.sources) {
      const opening = openSource(argument, plan.registry, plan.options.maxLayerBytes);
      // A pipe that says nothing for hours must not outlast a SIGINT.
      const { source, name } = await unlessInterrupted(opening, run.signal);
      opened.push(source);
      images.push(...(await source.images({ name, platform: plan.platform })));
    }
    return await pull(store, images, { ...plan.options, ...run });
  } finally {
    for (const source of opened) await source[Symbol.asyncDispose]();
  }
}
