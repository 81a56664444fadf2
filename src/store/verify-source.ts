/** Whether an image in a SOURCE is what it claims to be: every layer read and hashed, nothing stored. */
import { LayerPipeline } from "../layer/pipeline.js";
import type { LayerProgress } from "../layer/progress.js";
import { type DiffId, type Digest, hexOf } from "../model/digest.js";
import type { ClaimedLayer } from "../source/damage.js";
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

/** Throws only what keeps it from knowing: an I/O error, an interruption, a layer that is meant to be had elsewhere. */
export async function verifySource(image: SourceImage, options: VerifyOptions): Promise<Verification> {
  const found = await checkLayers(image.layers, image.id, options);
  const problems = found.filter((problem) => problem !== null);
  return {
    imageId: image.id,
    ok: problems.length === 0,
    layers: image.layers.map(({ diffId }, i) => ({ diffId, ok: found[i] === null })),
    problems,
  };
}

/** What is wrong with the layers of an image of which nothing else is known. Throws as `verifySource` does. */
export async function verifyLayers(layers: readonly ClaimedLayer[], options: VerifyOptions): Promise<Problem[]> {
  const found = await checkLayers(layers, "", options);
  return found.filter((problem) => problem !== null);
}

/** A problem or null for each layer. */
async function checkLayers(
  layers: readonly (SourceLayer | ClaimedLayer)[],
  owner: string,
  options: VerifyOptions,
): Promise<(Problem | null)[]> {
  const keys = layers.map((_, i) => `${owner} ${i}`);
  layers.forEach((layer, i) => {
    options.progress?.waiting(keys[i] as string, { label: hexOf(nameOf(layer)), bytes: layer.size });
  });
  await using pipeline = new LayerPipeline(options);
  return await Promise.all(layers.map((layer, i) => checkLayer(pipeline, layer, keys[i] as string, options.progress)));
}

function nameOf(layer: SourceLayer | ClaimedLayer): Digest | DiffId {
  return layer.diffId === null ? layer.digest : (layer.digest ?? layer.diffId);
}

async function checkLayer(
  pipeline: LayerPipeline,
  layer: SourceLayer | ClaimedLayer,
  key: string,
  progress: LayerProgress | undefined,
): Promise<Problem | null> {
  const subject = nameOf(layer);
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
    return problemOf(thrown, layer.diffId ?? layer.digest);
  }
}
