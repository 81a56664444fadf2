/** What `ovl verify` is asked about, one after the other, with every problem of each. */
import { availableParallelism } from "node:os";
import { OvlError } from "../errors.js";
import type { LayerProgress } from "../layer/progress.js";
import type { ImageId } from "../model/digest.js";
import { type Problem, problemOf, type Verification } from "../store/verification.js";
import { type VerifyOptions, verifySource } from "../store/verify-source.js";
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

/** Throws USAGE where nothing is asked for, IMAGE_ID_MISMATCH where one image is expected and none is stored, and what keeps it from knowing. */
export async function verifyTargets(
  targets: Targets,
  names: readonly string[],
  flags: VerifyFlags,
  run: { readonly signal: AbortSignal; readonly progress: LayerProgress },
): Promise<Verified> {
  if (names.length === 0 && !flags.all)
    throw new OvlError("USAGE", "missing argument: TARGET, or --all for every stored image");
  const expect = await imageIdOf(flags.expect);
  await using verifier = new Verifier({
    jobs: flags.jobs ?? availableParallelism(),
    maxLayerBytes: await maxLayerBytesOf(flags),
    ...run,
  });
  const verified: VerifiedTarget[] = [];
  const stored = flags.all ? await targets.everyStored() : [];
  if (expect !== null && names.length + stored.length === 0) throw noneStored(expect);
  for (const [i, name] of [...names, ...stored].entries()) {
    const images = await findImages(targets, name, i >= names.length);
    if ("code" in images) verified.push({ target: name, imageId: null, ok: false, layers: [], problems: [images] });
    else for (const image of images) verified.push(expected(await verifier.verify(image), image.target, expect));
  }
  return { ok: verified.every(({ ok }) => ok), targets: verified };
}

/**
 * A config or manifest that is not what its digest says is a finding like any other.
 * @param isNamed by the root itself: then an image that is not there is a finding, too
 */
async function findImages(targets: Targets, name: string, isNamed: boolean): Promise<ImageTarget[] | Problem> {
  try {
    const images = await targets.all(name);
    if (images.length === 0) throw holdsNone(name);
    return images;
  } catch (thrown) {
    if (!(thrown instanceof OvlError)) throw thrown;
    if (thrown.exit === 1) return problemOf(thrown, name);
    if (!isNamed || thrown.code !== "NOT_FOUND") throw thrown;
    const message = `the config of ${name} is missing, though the root has a name for it; "ovl fsck" says more`;
    return { code: "NOT_FOUND", subject: name, expected: null, actual: null, message };
  }
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
    const progress = prefixed(this.#options.progress, `${this.#sources++} `);
    return verifySource(target.image, { ...this.#options, progress });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stored?.[Symbol.asyncDispose]();
  }
}
