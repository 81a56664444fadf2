/** What entries the layers of an image in a SOURCE have: every layer read and hashed, nothing stored. */
import { OvlError } from "../errors.js";
import type { ListedEntry } from "../layer/job.js";
import { LayerPipeline } from "../layer/pipeline.js";
import { hexOf } from "../model/digest.js";
import type { SourceImage, SourceLayer } from "../source/source.js";
import { MAX_ENTRIES } from "../tar/entry.js";
import { withBlob } from "./layer-input.js";
import type { VerifyOptions } from "./verify-source.js";

/** Bottom to top. Throws what is wrong with a layer: DIGEST_MISMATCH, DIFF_ID_MISMATCH, BAD_ARCHIVE, BAD_TAR. */
export async function listSource(image: SourceImage, options: VerifyOptions): Promise<(readonly ListedEntry[])[]> {
  const { progress } = options;
  await using pipeline = new LayerPipeline(options);
  image.layers.forEach((layer, i) => {
    progress?.waiting(String(i), { label: hexOf(layer.digest ?? layer.diffId), bytes: layer.size });
  });
  let entries = 0;
  const list = async (layer: SourceLayer, i: number) => {
    try {
      const { listed } = await withBlob(layer, `layer ${layer.digest ?? layer.diffId}`, (open) =>
        pipeline.run(
          open,
          { stage: "list", diffId: layer.diffId },
          { size: layer.size, onProgress: (input) => progress?.working(String(i), input) },
        ),
      );
      entries += listed?.length ?? 0;
      if (entries > MAX_ENTRIES)
        throw new OvlError("BAD_TAR", `image ${image.id} has more than ${MAX_ENTRIES} entries`);
      progress?.finished(String(i), "verified");
      return listed ?? [];
    } catch (thrown) {
      progress?.finished(String(i), "failed");
      throw thrown;
    }
  };
  // Awaited here: with this scope the threads end, and the first failure calls the other layers off.
  return await Promise.all(image.layers.map(list));
}
