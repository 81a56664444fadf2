/** What a root notes of the registry that an image came from, as dockerd does when it pulls. */
import { familiarString, parseReference, type Reference } from "../model/reference.js";
import type { RegistryOrigin, SourceImage } from "../source/source.js";
import type { Distribution } from "./distribution.js";
import type { Naming } from "./register-image.js";
import type { Repositories } from "./repositories.js";

/** Which blob each layer was, and in which repository: what a later push need not send again. */
export function noteLayers(distribution: Distribution, { origin, layers }: SourceImage): void {
  if (origin === undefined) return;
  for (const { diffId, digest } of layers) {
    if (digest !== null) distribution.add(diffId, { digest, repository: origin.repository, hmac: "" });
  }
}

/**
 * The name by digest. One that a tag leads to stays with the image that has it already (another platform of the same
 * index); one that was asked for goes to the image that was asked for.
 */
export function digestNames(repositories: Repositories, { origin, names, id }: SourceImage): Naming {
  if (origin === undefined) return [];
  const reference = digestReference(origin);
  return names.length === 0 || repositories.get(reference) === null ? [[reference, id]] : [];
}

/** Tags; where it has none, the name by digest. */
export function shownNames({ origin }: SourceImage, tags: readonly string[]): readonly string[] {
  return tags.length > 0 || origin === undefined ? tags : [familiarString(digestReference(origin))];
}

function digestReference({ repository, digest }: RegistryOrigin): Reference {
  return { ...parseReference(repository), tag: null, digest };
}
