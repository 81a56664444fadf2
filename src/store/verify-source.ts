/** Whether an image in a SOURCE is what it claims to be: every layer read and hashed, nothing stored. */
import { OvlError } from "../errors.js";
import { LayerPipeline } from "../layer/pipeline.js";
import type { LayerProgress } from "../layer/progress.js";
import { type DiffId, hexOf, type ImageId } from "../model/digest.js";
import type { SourceImage, SourceLayer } from "../source/source.js";

/** Something that is not what it claims to be. */
export interface Problem {
  readonly code: OvlError["code"];
  /** The identifier or path that it is about. */
  readonly subject: string;
  readonly expected: string | null;
  readonly actual: string | null;
  readonly message: string;
}

export interface Verification {
  readonly imageId: ImageId;
  readonly ok: boolean;
  /** Bottom to top. */
  readonly layers: readonly { readonly diffId: DiffId; readonly ok: boolean }[];
  readonly problems: readonly Problem[];
}

export interface VerifyOptions {
  /** Layers at once. */
  readonly jobs: number;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: LayerProgress | undefined;
}

/** Throws only what keeps it from knowing: an I/O error, an interruption. */
export async function verifySource(image: SourceImage, options: VerifyOptions): Promise<Verification> {
  const keys = image.layers.map((_, i) => `${image.id} ${i}`);
  image.layers.forEach((layer, i) => {
    options.progress?.waiting(keys[i] as string, { label: hexOf(layer.digest ?? layer.diffId), bytes: layer.size });
  });
  await using pipeline = new LayerPipeline({ jobs: options.jobs, signal: options.signal });
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

/** A failure as a finding; rethrown where it says nothing about the content. */
export function problemOf(thrown: unknown, subject: string): Problem {
  if (!(thrown instanceof OvlError) || (thrown.exit !== 1 && thrown.exit !== 4)) throw thrown;
  const { expected, actual } = thrown.fields;
  return { code: thrown.code, subject, expected: textOf(expected), actual: textOf(actual), message: thrown.message };
}

async function checkLayer(
  pipeline: LayerPipeline,
  layer: SourceLayer,
  key: string,
  progress: LayerProgress | undefined,
): Promise<Problem | null> {
  const subject = layer.digest ?? layer.diffId;
  try {
    await pipeline.run(
      async () => ({ stage: "decode", input: { range: await layer.open(), digest: layer.digest, subject } }),
      { stage: "check", diffId: layer.diffId },
      (input) => progress?.working(key, input),
    );
    progress?.finished(key, "verified");
    return null;
  } catch (thrown) {
    progress?.finished(key, "failed");
    return problemOf(thrown, layer.diffId);
  }
}

function textOf(value: unknown): string | null {
  return value === undefined || value === null ? null : String(value);
}
