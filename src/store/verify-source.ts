/** Whether an image in a SOURCE is what it claims to be: every layer read and hashed, nothing stored. */
import { LayerPipeline } from "../layer/pipeline.js";
import type { LayerProgress } from "../layer/progress.js";
import { hexOf } from "../model/digest.js";
import type { SourceImage, SourceLayer } from "../source/source.js";
import { withBlob } from "./layer-input.js";
import { type Problem, problemOf, type Verification } from "./verification.js";

export interface VerifyOptions {
  /** Layers at once. */
  readonly jobs: number;
  /** Bytes that a layer may unpack to. */
  readonly maxLayerBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: LayerProgress | undefined;
}

/** Throws only what keeps it from knowing: an I/O error, an interruption. */
export async function verifySource(image: SourceImage, options: VerifyOptions): Promise<Verification> {
  const keys = image.layers.map((_, i) => `${image.id} ${i}`);
  image.layers.forEach((layer, i) => {
    options.progress?.waiting(keys[i] as string, { label: hexOf(layer.digest ?? layer.diffId), bytes: layer.size });
  });
  await using pipeline = new LayerPipeline(options);
  const found = await Promise.all(
    image.layers.map((layer, i) => checkLayer(pipeline, layer, keys[i] as string, options.progress)),
  );
  const problems = found.filter((problem) => problem !== null);
  return {
    imageId: image.id,
    ok: problems.length === 0,
    layers: image.layers.map(({ diffId }, i) => ({ diffId, ok: found[i] === null })),
    problems,
  };
}

async function checkLayer(
  pipeline: LayerPipeline,
  layer: SourceLayer,
  key: string,
  progress: LayerProgress | undefined,
): Promise<Problem | null> {
  const subject = layer.digest ?? layer.diffId;
  try {
    await withBlob(layer, subject, (open) =>
      pipeline.run(
        open,
        { stage: "check", diffId: layer.diffId },
        { size: layer.size, onProgress: (input) => progress?.working(key, input) },
      ),
    );
    progress?.finished(key, "verified");
    return null;
  } catch (thrown) {
    progress?.finished(key, "failed");
    return problemOf(thrown, layer.diffId);
  }
}
