/** Flags that several commands share, and what their values mean. */
import type { ImageId } from "../model/digest.js";
import type { Platform } from "../model/platform.js";
import { boolean, integer, string } from "./oclif/flags.js";

export const platformFlag = string({
  helpValue: "OS/ARCH[/VARIANT]",
  summary: "Which image of a multi-platform source; default: this machine's.",
});

export const expectFlag = string({
  helpValue: "IMAGE_ID",
  summary: "The id that the image must have: sha256:<64 hex>.",
});

export const jobsFlag = integer({
  char: "j",
  min: 1,
  max: 64,
  helpValue: "N",
  summary: "Layers at once; default: the number of processors.",
});

export const maxLayerSizeFlag = string({
  helpValue: "BYTES",
  summary: "What a layer, or a compressed archive, may unpack to: 20GB, 512MiB; default: 256GiB.",
});

export const forceFlag = boolean({ summary: "Write although a live dockerd holds the root." });

export const dryRunFlag = boolean({ summary: "Say what would be deleted, and delete nothing." });

/** Bytes that --max-layer-size allows; undefined: the default. Throws USAGE. */
export async function maxLayerBytesOf(flags: {
  readonly "max-layer-size"?: string | undefined;
}): Promise<number | undefined> {
  const text = flags["max-layer-size"];
  if (text === undefined) return undefined;
  const { parseSize } = await import("./units.js");
  return parseSize(text, "--max-layer-size");
}

/** Throws USAGE. */
export async function platformOf(text: string | undefined): Promise<Platform | null> {
  if (text === undefined) return null;
  const { parsePlatform } = await import("../model/platform.js");
  return parsePlatform(text);
}

/** Throws USAGE for what is no full image id: a prefix would pin nothing. */
export async function imageIdOf(text: string | undefined): Promise<ImageId | null> {
  if (text === undefined) return null;
  const [{ isImageId }, { OvlError }] = await Promise.all([import("../model/digest.js"), import("../errors.js")]);
  const id = text.startsWith("sha256:") ? text : `sha256:${text}`;
  if (isImageId(id)) return id;
  throw new OvlError("USAGE", `--expect takes a full image id, sha256:<64 hex>, not ${JSON.stringify(text)}`);
}
