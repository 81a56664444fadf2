/** Which images an OCI index holds, and which manifest of each is wanted: names, platforms, nested indexes. */
import { OvlError } from "../errors.js";
import { platformOfConfig } from "../model/config.js";
import { type Descriptor, type Index, isAttestation, isImage, type Manifest } from "../model/manifest.js";
import { isImageConfigType, isIndexType } from "../model/media-types.js";
import { bestPlatform, defaultPlatform, formatPlatform, normalizePlatform, type Platform } from "../model/platform.js";
import { familiarString, referenceOf, whyNotATag, withDefaultTag } from "../model/reference.js";
import { show } from "./file-tree.js";
import type { Selection } from "./source.js";

/** Indexes within indexes. Real ones nest once: a name, its platforms, a platform's image and attestations. */
const MAX_DEPTH = 4;
/** Manifests looked at for one image. */
const MAX_MANIFESTS = 1000;

const CONTAINERD_NAME = "io.containerd.image.name";
const REF_NAME = "org.opencontainers.image.ref.name";

/** Reads what descriptors name, verified. */
export interface Blobs {
  /** For messages. */
  readonly location: string;
  manifest(descriptor: Descriptor): Promise<Manifest | Index>;
  config(manifest: Manifest): Promise<Uint8Array>;
}

export interface ChosenManifest {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  /** Names in familiar form. */
  readonly names: readonly string[];
}

/**
 * The images of an index, one manifest each.
 * Throws NOT_FOUND for a name that it has not.
 * @param refuse gets what is wrong with one image: NO_PLATFORM, AMBIGUOUS, what reading throws; where it does not throw
 * it, that image is left out
 */
export async function chooseImages(
  index: Index,
  selection: Selection,
  blobs: Blobs,
  refuse: (thrown: unknown) => void,
): Promise<ChosenManifest[]> {
  const groups = imageGroups(index, selection.name, blobs.location);
  const chosen = new Map<string, ChosenManifest>();
  for (const { label, name, descriptors } of groups) {
    try {
      const { descriptor, manifest } = await choosePlatform(label, descriptors, selection.platform, blobs);
      const before = chosen.get(descriptor.digest);
      const names = [...(before?.names ?? []), ...(name === null ? [] : [name])];
      chosen.set(descriptor.digest, { descriptor, manifest, names: [...new Set(names)] });
    } catch (thrown) {
      refuse(thrown);
    }
  }
  return [...chosen.values()];
}

interface Group {
  /** What the index calls it, for messages; null where it has no name at all. */
  readonly label: string | null;
  /** Name in familiar form that the image gets; null where the index gives only a tag, or nothing. */
  readonly name: string | null;
  readonly descriptors: Descriptor[];
}

/** Entries of one name are one image in several platforms; so are nameless ones whose platforms all differ. */
export function imageGroups(index: Index, wanted: string | null, location: string): Group[] {
  const groups = new Map<string, Group>();
  const nameless: Descriptor[] = [];
  for (const descriptor of index.manifests) {
    if (isAttestation(descriptor)) continue;
    const label = labelOf(descriptor);
    if (wanted !== null && !isCalled(descriptor, wanted)) continue;
    if (label === null) nameless.push(descriptor);
    else {
      const group = groups.get(label) ?? { label, name: nameFrom(descriptor), descriptors: [] };
      group.descriptors.push(descriptor);
      groups.set(label, group);
    }
  }
  const all = [...groups.values(), ...namelessGroups(nameless)];
  if (wanted !== null && all.length === 0) {
    const names = [...new Set(index.manifests.flatMap((d) => labelOf(d) ?? []))];
    throw new OvlError(
      "NOT_FOUND",
      `${location} has no image ${show(wanted)}; it has ${names.length === 0 ? "no names" : names.map(show).join(", ")}`,
      { name: wanted, available: names },
    );
  }
  return all;
}

function namelessGroups(descriptors: readonly Descriptor[]): Group[] {
  const platforms = new Set(descriptors.map(({ platform }) => platform && formatPlatform(platform)));
  const oneImage = !platforms.has(null) && platforms.size === descriptors.length;
  if (oneImage && descriptors.length > 0) return [{ label: null, name: null, descriptors: [...descriptors] }];
  return descriptors.map((descriptor) => ({ label: null, name: null, descriptors: [descriptor] }));
}

function labelOf({ annotations }: Descriptor): string | null {
  return annotations.get(CONTAINERD_NAME) || annotations.get(REF_NAME) || null;
}

function isCalled({ annotations }: Descriptor, wanted: string): boolean {
  const labels = [annotations.get(CONTAINERD_NAME), annotations.get(REF_NAME)].filter((label) => label !== undefined);
  if (labels.includes(wanted)) return true;
  const name = familiar(wanted);
  return name !== null && labels.some((label) => isFullName(label) && familiar(label) === name);
}

/** containerd's annotation is a full name; the OCI one is a full name or a bare tag, which names nothing. */
function nameFrom({ annotations }: Descriptor): string | null {
  const full = annotations.get(CONTAINERD_NAME);
  if (full) return familiar(full);
  const ref = annotations.get(REF_NAME);
  return ref && isFullName(ref) ? familiar(ref) : null;
}

function isFullName(text: string): boolean {
  return /[:/]/.test(text);
}

/** Familiar form with a tag; null for what docker could not store as a tag: the annotation may be any text. */
export function familiar(text: string): string | null {
  const named = referenceOf(text);
  if (named === null) return null;
  const reference = withDefaultTag(named);
  return whyNotATag(reference) === null ? familiarString(reference) : null;
}

interface Candidate {
  /** The entry of the outermost index that led here. */
  readonly top: Descriptor;
  readonly descriptor: Descriptor;
  readonly manifest: Manifest | null;
  readonly platform: Platform | null;
}

/**
 * The one manifest of an image that is wanted, out of descriptors of manifests and indexes.
 * @param label what the image is called, for messages
 */
export async function choosePlatform(
  label: string | null,
  descriptors: readonly Descriptor[],
  asked: Platform | null,
  blobs: Blobs,
): Promise<{ descriptor: Descriptor; manifest: Manifest }> {
  const found = await flatten(descriptors, blobs);
  const what = label === null ? `the image in ${blobs.location}` : `${show(label)} in ${blobs.location}`;
  if (found.length === 0) throw new OvlError("BAD_MANIFEST", `${what} has no manifest of an image`);
  const only = found.length === 1 ? found[0] : undefined;
  if (only !== undefined && asked === null) return complete(only, blobs);
  const candidates = await inTurn(found, (candidate) => withPlatform(candidate, blobs));
  // An index of what refers to an image, and is none: whoever asked says so, or passes over it.
  const [first] = candidates;
  if (first && candidates.every(({ manifest }) => manifest !== null && !isImage(manifest)))
    return complete(first, blobs);
  const platforms = candidates.map(({ platform }) => platform);
  const wanted = asked ?? defaultPlatform();
  const best = bestPlatform(wanted, platforms);
  if (best === null) {
    const available = [...new Set(platforms.map((platform) => (platform ? formatPlatform(platform) : "unknown")))];
    throw new OvlError(
      "NO_PLATFORM",
      `${what} is not there for ${formatPlatform(wanted)}; it is there for ${available.join(", ")}`,
      { platform: formatPlatform(wanted), available },
    );
  }
  const winner = candidates[best] as Candidate;
  // Within one index the first of a platform wins, as with docker; two entries of one name are two images.
  const rivals = candidates.filter(({ platform }) => isSame(platform, winner.platform));
  const tops = new Set(rivals.map(({ top }) => top.digest));
  if (tops.size > 1) {
    throw new OvlError(
      "AMBIGUOUS",
      `${what} is there ${tops.size} times for ${formatPlatform(wanted)}: ${[...tops].join(", ")}`,
      { candidates: [...tops] },
    );
  }
  return complete(winner, blobs);
}

function isSame(a: Platform | null, b: Platform | null): boolean {
  return a !== null && b !== null && formatPlatform(normalizePlatform(a)) === formatPlatform(normalizePlatform(b));
}

/** The manifests of images below descriptors, nested indexes opened, each once. */
export async function flatten(descriptors: readonly Descriptor[], blobs: Blobs): Promise<Candidate[]> {
  const found = new Map<string, Candidate>();
  let seen = 0;
  const visit = async (top: Descriptor, descriptor: Descriptor, inherited: Platform | null, depth: number) => {
    if (isAttestation(descriptor)) return;
    if (depth > MAX_DEPTH || ++seen > MAX_MANIFESTS) {
      const bound = depth > MAX_DEPTH ? `deeper than ${MAX_DEPTH} levels` : `more than ${MAX_MANIFESTS} manifests`;
      throw new OvlError("BAD_MANIFEST", `${blobs.location}: the index nests ${bound}`, { digest: descriptor.digest });
    }
    const platform = descriptor.platform ?? inherited;
    const document = opensNow(descriptor) ? await blobs.manifest(descriptor) : null;
    if (document?.kind === "index") {
      for (const child of document.manifests) await visit(top, child, platform, depth + 1);
    } else if (!found.has(descriptor.digest)) {
      found.set(descriptor.digest, { top, descriptor, manifest: document, platform });
    }
  };
  for (const descriptor of descriptors) await visit(descriptor, descriptor, null, 1);
  return [...found.values()];
}

/** An entry of a platform that will not be taken may point to a blob that is not there: read late. */
function opensNow({ mediaType, platform }: Descriptor): boolean {
  return isIndexType(mediaType) || mediaType === "" || platform === null;
}

/** One after the other: an index that names a thousand manifests must not be asked for all of them at once. */
async function inTurn<T, R>(values: readonly T[], work: (value: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const value of values) results.push(await work(value));
  return results;
}

export async function complete(
  { descriptor, manifest }: Candidate,
  blobs: Blobs,
): Promise<{ descriptor: Descriptor; manifest: Manifest }> {
  const document = manifest ?? (await blobs.manifest(descriptor));
  if (document.kind === "index") {
    throw new OvlError(
      "BAD_MANIFEST",
      `${blobs.location}: ${descriptor.digest} is an index where a manifest was promised`,
    );
  }
  return { descriptor, manifest: document };
}

/** A descriptor may leave the platform out; then the config has it. */
async function withPlatform(candidate: Candidate, blobs: Blobs): Promise<Candidate> {
  if (candidate.platform !== null) return candidate;
  const { manifest } = await complete(candidate, blobs);
  if (!isImageConfigType(manifest.config.mediaType)) return { ...candidate, manifest };
  return { ...candidate, manifest, platform: platformOfConfig(await blobs.config(manifest)) };
}
