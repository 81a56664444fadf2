/**
 * What `ovl verify` is asked about, one after the other, with every problem of each. A target that cannot be looked at
 * is a problem of its own beside others.
 */
import { availableParallelism } from "node:os";
import { OvlError } from "../errors.js";
import type { LayerProgress } from "../layer/progress.js";
import type { ImageId } from "../model/digest.js";
import { type ClaimedLayer, type DamagedImage, isFinding } from "../source/damage.js";
import { asProblem, type Problem, statusOf, type Verification } from "../store/verification.js";
import { type VerifyOptions, verifyLayers, verifySource } from "../store/verify-source.js";
import { StoredVerifier } from "../store/verify-stored.js";
import { imageIdOf, maxLayerBytesOf } from "./flags.js";
import { prefixed } from "./progress/prefixed.js";
import { holdsNone, type ImageTarget, type Targets } from "./target.js";

export interface VerifiedTarget extends Omit<Verification, "imageId"> {
  readonly target: string;
  /** null where the image could not be read so far. */
  readonly imageId: ImageId | null;
}

export interface Verified {
  readonly ok: boolean;
  readonly targets: readonly VerifiedTarget[];
}

export interface VerifyFlags {
  readonly all: boolean;
  readonly expect?: string | undefined;
  readonly jobs?: number | undefined;
  readonly "max-layer-size"?: string | undefined;
}

/** A target, and what kept all of it, or one image of it, from being looked at; null where nothing did. */
interface Looked {
  readonly found: VerifiedTarget;
  readonly failure: OvlError | null;
}

/**
 * What is asked for, and the exit status that it makes.
 * Throws USAGE where nothing is asked for, IMAGE_ID_MISMATCH where one image is expected and none is stored, what keeps
 * it from knowing, and what keeps it from looking at the only target that there is.
 */
export async function verifyTargets(
  targets: Targets,
  names: readonly string[],
  flags: VerifyFlags,
  run: { readonly signal: AbortSignal; readonly progress: LayerProgress },
): Promise<{ readonly verified: Verified; readonly exit: number }> {
  if (names.length === 0 && !flags.all)
    throw new OvlError("USAGE", "missing argument: TARGET, or --all for every stored image");
  const expect = await imageIdOf(flags.expect);
  await using verifier = new Verifier({
    jobs: flags.jobs ?? availableParallelism(),
    maxLayerBytes: await maxLayerBytesOf(flags),
    ...run,
  });
  const looked: Looked[] = [];
  const stored = flags.all ? await targets.everyStored() : [];
  if (expect !== null && names.length + stored.length === 0) throw noneStored(expect);
  for (const name of names) looked.push(...(await look(targets, name, verifier, expect)));
  for (const name of stored) looked.push(...(await look(targets, name, verifier, expect)).map(asNamed));
  const [only, second] = looked;
  if (only?.failure && only.found.problems.length === 1 && second === undefined) throw only.failure;
  const verified = looked.map(({ found }) => found);
  return { verified: { ok: verified.every(({ ok }) => ok), targets: verified }, exit: exitOf(looked) };
}

/** 1 where anything differs; else that of the first that could not be read or looked at. */
function exitOf(looked: readonly Looked[]): number {
  const statuses = looked.map(({ found, failure }) => failure?.exit ?? statusOf(found.problems));
  return statuses.includes(1) ? 1 : (statuses.find((status) => status !== 0) ?? 0);
}

/** A target image by image. */
async function look(targets: Targets, name: string, verifier: Verifier, expect: ImageId | null): Promise<Looked[]> {
  const damaged: DamagedImage[] = [];
  const looked: Looked[] = [];
  let images: readonly ImageTarget[] = [];
  try {
    images = await targets.all(name, (image) => damaged.push(image));
    if (images.length + damaged.length === 0) throw holdsNone(name);
  } catch (thrown) {
    damaged.push(damage(thrown));
  }
  if (damaged.length > 0) looked.push(await failed(name, null, damaged, verifier));
  for (const image of images) {
    try {
      looked.push({ found: expected(await verifier.verify(image), image.target, expect), failure: null });
    } catch (thrown) {
      looked.push(await failed(name, image.id, [damage(thrown)], verifier));
    }
  }
  return looked;
}

function damage(thrown: unknown): DamagedImage {
  if (!isFinding(thrown)) throw thrown;
  return { error: thrown, id: null, layers: [] };
}

/** What belongs to no image that could be looked at, all of it together. */
async function failed(
  target: string,
  imageId: ImageId | null,
  damaged: readonly DamagedImage[],
  verifier: Verifier,
): Promise<Looked> {
  const problems: Problem[] = [];
  for (const { error, layers } of damaged) problems.push(asProblem(error, target), ...(await verifier.layers(layers)));
  const differs = problems.length > damaged.length || damaged.some(({ error }) => error.exit === 1);
  return {
    found: { target, imageId, ok: false, layers: [], problems },
    failure: differs ? null : (damaged[0]?.error ?? null),
  };
}

/** The root itself names what was asked for: that it is not there is a finding then. */
function asNamed(looked: Looked): Looked {
  const { found, failure } = looked;
  if (failure?.code !== "NOT_FOUND") return looked;
  const subject = found.target;
  const message = `the config of ${subject} is missing, though the root has a name for it; "ovl fsck" says more`;
  const problem: Problem = { code: "NOT_FOUND", subject, expected: null, actual: null, message };
  return { found: { ...found, problems: [problem] }, failure: null };
}

function expected(found: Verification, target: string, expect: ImageId | null): VerifiedTarget {
  const { imageId, layers } = found;
  const problems = [...unexpected(imageId, expect), ...found.problems];
  return { target, imageId, ok: problems.length === 0, layers, problems };
}

function unexpected(imageId: ImageId, expect: ImageId | null): Problem[] {
  if (expect === null || imageId === expect) return [];
  const message = `expected image ${expect}, found ${imageId}`;
  return [{ code: "IMAGE_ID_MISMATCH", subject: imageId, expected: expect, actual: imageId, message }];
}

function noneStored(expect: ImageId): OvlError {
  const message = `expected image ${expect}, but no image is stored; name the root that has it with --root`;
  return new OvlError("IMAGE_ID_MISMATCH", message, { expected: expect, actual: null });
}

/** Stored images through one verifier, since they share layers; images of sources each on their own. */
class Verifier implements AsyncDisposable {
  readonly #options: VerifyOptions & { readonly progress: LayerProgress };
  #stored: StoredVerifier | null = null;
  #sources = 0;

  constructor(options: VerifyOptions & { readonly progress: LayerProgress }) {
    this.#options = options;
  }

  verify(target: ImageTarget): Promise<Verification> {
    if (target.kind === "stored") {
      this.#stored ??= new StoredVerifier(target.store, this.#options);
      return this.#stored.verify(target.id);
    }
    return verifySource(target.image, this.#sourceOptions());
  }

  layers(layers: readonly ClaimedLayer[]): Promise<Problem[]> {
    return verifyLayers(layers, this.#sourceOptions());
  }

  #sourceOptions(): VerifyOptions {
    return { ...this.#options, progress: prefixed(this.#options.progress, `${this.#sources++} `) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stored?.[Symbol.asyncDispose]();
  }
}
