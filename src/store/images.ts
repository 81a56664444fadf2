/** The images of a store as `docker images` lists them. */
import type { ImageId } from "../model/digest.js";
import { familiarName, familiarString, type Reference, referenceOf } from "../model/reference.js";
import { formatRfc3339, parseRfc3339 } from "../model/time.js";
import { goGlob } from "./glob.js";
import type { Store } from "./store.js";
import { readCatalog, type StoredImage } from "./stored-image.js";
import type { StoreWarning } from "./warning.js";

export interface ImageSummary {
  readonly id: ImageId;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  /** RFC 3339; null where the config does not say. */
  readonly created: string | null;
  /** Bytes of all layers, shared ones included. */
  readonly size: number;
  /** How many. */
  readonly layers: number;
  /** How many. */
  readonly containers: number;
}

export interface ImageFilter {
  /** Untagged images that others were built on, too. */
  readonly all?: boolean;
  /** true: only images without a tag; false: only images with a name. */
  readonly dangling?: boolean | null;
  /** Only names that match one of these patterns; each also matches as a name in any of its spellings. */
  readonly references?: readonly string[];
}

/** Newest first, then by id. */
export function listImages(
  store: Store,
  filter: ImageFilter = {},
): { images: ImageSummary[]; warnings: StoreWarning[] } {
  const { images, children, warnings } = readCatalog(store);
  const { containers, warnings: containerWarnings } = store.users;
  const matches = nameFilter(filter.references ?? []);
  const used = new Map<ImageId, number>();
  for (const { imageId } of containers) if (imageId !== null) used.set(imageId, (used.get(imageId) ?? 0) + 1);
  const shown: StoredImage[] = [];
  const names = new Map<ImageId, readonly Reference[]>();
  for (const image of images.values()) {
    const references = store.repositories.of(image.id).filter(matches);
    if (!isShown(references, (children.get(image.id) ?? []).length > 0, filter)) continue;
    names.set(image.id, references);
    shown.push(image);
  }
  const times = new Map(shown.map((image) => [image, instant(image)]));
  const age = (image: StoredImage) => times.get(image) as number;
  shown.sort((a, b) => age(b) - age(a) || (a.id < b.id ? -1 : 1));
  return {
    images: shown.map((image) => {
      const references = names.get(image.id) ?? [];
      return {
        id: image.id,
        repoTags: references.filter(({ tag }) => tag !== null).map(familiarString),
        repoDigests: references.filter(({ digest }) => digest !== null).map(familiarString),
        created: rfc3339(image.config.created),
        size: image.size,
        layers: image.chain.length,
        containers: used.get(image.id) ?? 0,
      };
    }),
    warnings: [
      ...store.layout.warnings,
      ...store.repositories.warnings,
      ...warnings,
      ...lostImages(store),
      ...containerWarnings,
    ],
  };
}

/** Names of images whose configs are gone. */
function lostImages(store: Store): StoreWarning[] {
  const known = new Set(store.images.ids());
  const lost = store.repositories.list().filter(({ id }) => !known.has(id));
  return lost.map(({ reference, id }) => ({
    code: "BAD_IMAGE",
    subject: id,
    message: `image ${familiarString(reference)} is left out: the config of ${id} is missing`,
  }));
}

/** A time of a config in the one form that dockerd gives it. */
export function rfc3339(text: string | null): string | null {
  const time = text === null ? null : parseRfc3339(text);
  return time === null ? null : formatRfc3339(time);
}

function isShown(references: readonly Reference[], hasChildren: boolean, filter: ImageFilter): boolean {
  if (references.length === 0) {
    if (filter.references !== undefined && filter.references.length > 0) return false;
    if (filter.dangling === false) return false;
    return !hasChildren || (filter.all === true && filter.dangling !== true);
  }
  if (filter.dangling !== true) return true;
  return !hasChildren && references.every(({ tag }) => tag === null);
}

function nameFilter(patterns: readonly string[]): (reference: Reference) => boolean {
  if (patterns.length === 0) return () => true;
  const tests = patterns.flatMap((pattern) => [goGlob(pattern), ...otherSpelling(pattern)]);
  return (reference) => tests.some((test) => test(familiarString(reference)) || test(familiarName(reference)));
}

/** `docker.io/library/nginx` finds nginx, although the store does not spell it so. */
function otherSpelling(pattern: string): ((text: string) => boolean)[] {
  const reference = referenceOf(pattern);
  return reference === null ? [] : [(text) => text === familiarString(reference)];
}

function instant({ config }: StoredImage): number {
  const time = config.created === null ? null : parseRfc3339(config.created);
  return time === null ? -Infinity : time.sec + time.nsec / 1e9;
}
