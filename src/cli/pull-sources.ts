/** The sources of one `ovl pull`: what is asked for, and the images in them. */
import { availableParallelism } from "node:os";
import { OvlError } from "../errors.js";
import { openSource } from "../source/open-source.js";
import type { RegistryOptions } from "../source/registry/options.js";
import type { ImageSource, SourceImage } from "../source/source.js";
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

export type PullPlan = Awaited<ReturnType<typeof pullPlan>>;

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

export interface OpenedSources extends AsyncDisposable {
  readonly images: readonly SourceImage[];
}

/** The images of all sources. Before the root is looked at: where there are none, none is made. */
export async function openSources(plan: PullPlan, signal: AbortSignal): Promise<OpenedSources> {
  const opened: ImageSource[] = [];
  const close = async () => {
    for (const source of opened) await source[Symbol.asyncDispose]();
  };
  try {
    const images: SourceImage[] = [];
    for (const argument of plan.sources) {
      const opening = openSource(argument, plan.registry, plan.options.maxLayerBytes);
      // A pipe that says nothing for hours must not outlast a SIGINT.
      const { source, name } = await unlessInterrupted(opening, signal);
      opened.push(source);
      images.push(...(await source.images({ name, platform: plan.platform })));
    }
    return { images, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
