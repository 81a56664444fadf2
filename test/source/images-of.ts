/** Images through `openSource`, for tests. */
import { writeFileSync } from "node:fs";
import { parsePlatform } from "../../src/model/platform.js";
import { openSource } from "../../src/source/open-source.js";
import type { SourceImage } from "../../src/source/source.js";
import { archive, type Files, writeFiles } from "../support/image-builder.js";
import { scratch } from "../support/tmp.js";

/** All images of a SOURCE, which is closed again: their layers cannot be opened any more. */
export async function imagesOf(text: string, platform: string | null = null): Promise<readonly SourceImage[]> {
  const { source, name } = await openSource(text);
  await using _ = source;
  return await source.images({ name, platform: platform === null ? null : parsePlatform(platform) });
}

/** The images of an OCI layout on disk; `name` is what follows the colon. */
export async function imagesOfLayout(
  files: Files,
  { name, platform, as = "directory" }: { name?: string; platform?: string; as?: "directory" | "archive" } = {},
): Promise<readonly SourceImage[]> {
  using dir = scratch("oci");
  if (as === "directory") writeFiles(files, dir.path);
  else writeFileSync(dir.join("a.tar"), archive(files));
  const where = as === "directory" ? `oci:${dir.path}` : `oci-archive:${dir.join("a.tar")}`;
  return await imagesOf(name === undefined ? where : `${where}:${name}`, platform ?? null);
}

export function idsOf(images: readonly SourceImage[]): string[] {
  return images.map(({ id }) => id);
}
