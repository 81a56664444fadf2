/** What a user calls an image, to its id: a full id, a name, or the beginning of an id, tried in this order. */
import { OvlError } from "../errors.js";
import { type ImageId, isImageId } from "../model/digest.js";
import { familiarString, parseReference, type Reference, withDefaultTag } from "../model/reference.js";
import type { Store } from "./store.js";

/** Candidates that an error lists, so that it stays a message. */
const MAX_CANDIDATES = 10;

/** Throws NOT_FOUND, AMBIGUOUS with the candidates, USAGE for what can be no name. */
export function resolveImage(store: Store, text: string): ImageId {
  const fullId = text.startsWith("sha256:") ? text : `sha256:${text}`;
  if (isImageId(fullId)) {
    if (store.images.has(fullId)) return fullId;
    throw notFound(store, text);
  }
  const prefix = /^(?:sha256:)?([0-9a-f]{1,63})$/.exec(text)?.[1];
  const reference = referenceOf(text, prefix !== undefined);
  const named = reference === null ? null : store.repositories.get(reference);
  if (named !== null && store.images.has(named)) return named;
  const candidates = prefix === undefined ? [] : store.images.ids().filter((id) => id.startsWith(`sha256:${prefix}`));
  const [only, second] = candidates;
  if (only === undefined) throw notFound(store, text, named, reference);
  if (second === undefined) return only;
  const shown = candidates.slice(0, MAX_CANDIDATES);
  const more = candidates.length - shown.length;
  throw new OvlError(
    "AMBIGUOUS",
    `${text} is the beginning of ${candidates.length} image ids: ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`,
    { image: text, candidates: shown },
  );
}

/** Whether docker takes text for an id of this image, and not for one of its names. */
export function isIdPrefix(id: ImageId, text: string): boolean {
  return id.startsWith(text) || id.slice("sha256:".length).startsWith(text);
}

function referenceOf(text: string, mayBeId: boolean): Reference | null {
  try {
    return withDefaultTag(parseReference(text));
  } catch (thrown) {
    if (mayBeId) return null;
    throw thrown;
  }
}

function notFound(
  store: Store,
  text: string,
  dangling: ImageId | null = null,
  reference: Reference | null = null,
): OvlError {
  const name = reference === null ? text : familiarString(reference);
  const [damage] = [...store.layout.warnings, ...store.repositories.warnings];
  const lost = damage === undefined ? "" : `: ${damage.message}`;
  const why = dangling === null ? lost : `: it names ${dangling}, which is not in the store`;
  return new OvlError("NOT_FOUND", `no such image in ${store.root}: ${name}${why}`, { image: text, root: store.root });
}
