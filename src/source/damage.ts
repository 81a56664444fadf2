/** What is wrong with one image of a source, for those who want to know all of it. */
import { isAboutContent, OvlError } from "../errors.js";
import type { Digest, ImageId } from "../model/digest.js";
import type { DocumentBudget } from "./document-budget.js";
import type { SourceLayer } from "./source.js";

/** An image that is not what it claims to be, or cannot be read. */
export interface DamagedImage {
  readonly error: OvlError;
  /** What the source calls it; null where not even that is known. */
  readonly id: ImageId | null;
  /** Those of its layers that have a claim of their own, which holds or does not whatever the image is. */
  readonly layers: readonly ClaimedLayer[];
}

/** A layer of which no config says what its tar should be. */
export type ClaimedLayer = Omit<SourceLayer, "diffId" | "digest"> & { readonly diffId: null; readonly digest: Digest };

export type OnDamage = (damaged: DamagedImage) => void;

/**
 * Tells what one image failed with, so that the others are still looked at. Throws it where nobody wants to know, and
 * where it is not about this image alone: a disk that cannot be read, a budget that is spent.
 */
export function tellDamage(
  thrown: unknown,
  onDamage: OnDamage | undefined,
  budget: DocumentBudget,
  { id = null, layers = [] }: Partial<Omit<DamagedImage, "error">> = {},
): void {
  if (onDamage === undefined || budget.isSpent || !isFinding(thrown)) throw thrown;
  onDamage({ error: thrown, id, layers });
}

/** Whether a failure says something of what was looked at: it differs, is malformed, or is not there. */
export function isFinding(thrown: unknown): thrown is OvlError {
  return isAboutContent(thrown) || (thrown instanceof OvlError && thrown.exit === 3);
}

/** Layers by themselves, each once; those without a digest claim nothing. */
export function claimedLayers(layers: readonly Omit<SourceLayer, "diffId">[]): ClaimedLayer[] {
  const byDigest = new Map<Digest, ClaimedLayer>();
  for (const layer of layers) {
    const { digest } = layer;
    if (digest !== null) byDigest.set(digest, { ...layer, digest, diffId: null });
  }
  return [...byDigest.values()];
}
