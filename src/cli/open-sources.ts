/** SOURCEs that a command names, opened, and the images in them. */
import type { Platform } from "../model/platform.js";
import { openSource } from "../source/open-source.js";
import type { RegistryOptions } from "../source/registry/options.js";
import type { ImageSource, SourceImage } from "../source/source.js";
import { unlessInterrupted } from "./interrupt.js";

export interface SourceOptions {
  readonly registry: RegistryOptions;
  /** null: this machine's. */
  readonly platform: Platform | null;
  readonly maxLayerBytes: number | undefined;
}

export interface OpenedSources extends AsyncDisposable {
  readonly images: readonly SourceImage[];
}

/** All of them or none. Throws as `openSource` and `ImageSource.images` do, and the signal's reason. */
export async function openSources(
  locations: readonly string[],
  { registry, platform, maxLayerBytes }: SourceOptions,
  signal: AbortSignal,
): Promise<OpenedSources> {
  const opened: ImageSource[] = [];
  const close = async () => {
    for (const source of opened) await source[Symbol.asyncDispose]();
  };
  try {
    const images: SourceImage[] = [];
    for (const location of locations) {
      // A pipe that says nothing for hours must not outlast a SIGINT.
      const { source, name } = await unlessInterrupted(openSource(location, registry, maxLayerBytes), signal);
      opened.push(source);
      images.push(...(await source.images({ name, platform })));
    }
    return { images, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
