/** What `ovl verify` is asked about, one after the other, with every problem of each. */
import { availableParallelism } from "node:os";
import { OvlError } from "../errors.js";
import type { LayerProgress } from "../layer/progress.js";
import type { ImageId } from "../model/digest.js";
import { type Problem, problemOf, type Verification } from "../store/verification.js";
import { type VerifyOptions, verifySource } from "../store/verify-source.js";
import { StoredVerifier } from "../store/verify-stored.js";
import { imageIdOf } from "./flags.js";
import { prefixed } from "./progress/prefixed.js";
import type { ImageTarget, Targets } from "./target.js";

export interface VerifiedTarget extends Omit<Verification, "imageId"> {
  readonly target: string;
  /** null where the image could not be read so far. */
  readonly imageId: ImageId | null;
}

export interface Verified {
  readonly ok: boolean;
  readonly targets: readonly VerifiedTarget[];
}

export async function verifyTargets(
  targets: Targets,
  names: readonly string[],
  flags: { readonly expect?: string | undefined; readonly jobs?: number | undefined },
  run: { readonly signal: AbortSignal; readonly progress: LayerProgress },
): Promise<Verified> {
  const expect = await imageIdOf(flags.expect);
  const verified: VerifiedTarget[] = [];
  const optionsFor = (nth: number) => ({
    jobs: flags.jobs ?? availableParallelism(),
    signal: run.signal,
    progress: prefixed(run.progress, `${nth} `),
  });
  for (const name of names) {
    const images = await findImages(targets, name);
    if ("code" in images) verified.push(unreadable(name, images));
    else for (const image of images) verified.push(await verifyOne(image, expect, optionsFor(verified.length)));
  }
  return { ok: verified.every(({ ok }) => ok), targets: verified };
}

/** A config or manifest that is not what its digest says is a finding like any other. */
async function findImages(targets: Targets, name: string): Promise<ImageTarget[] | Problem> {
  try {
    return await targets.all(name);
  } catch (thrown) {
    if (thrown instanceof OvlError && thrown.exit === 1) return problemOf(thrown, name);
    throw thrown;
  }
}

async function verifyOne(image: ImageTarget, expect: ImageId | null, options: VerifyOptions): Promise<VerifiedTarget> {
  const { imageId, layers, problems } = await verifyImage(image, options);
  const all = [...unexpected(imageId, expect), ...problems];
  return { target: image.target, imageId, ok: all.length === 0, layers, problems: all };
}

async function verifyImage(image: ImageTarget, options: VerifyOptions): Promise<Verification> {
  if (image.kind === "source") return verifySource(image.image, options);
  await using verifier = new StoredVerifier(image.store, options);
  return await verifier.verify(image.id);
}

function unexpected(imageId: ImageId, expect: ImageId | null): Problem[] {
  if (expect === null || imageId === expect) return [];
  const message = `expected image ${expect}, found ${imageId}`;
  return [{ code: "IMAGE_ID_MISMATCH", subject: imageId, expected: expect, actual: imageId, message }];
}

function unreadable(target: string, problem: Problem): VerifiedTarget {
  return { target, imageId: null, ok: false, layers: [], problems: [problem] };
}
