/** An OCI image layout (image-spec, image-layout.md), as a directory or as an archive of one. */

import * as v from "valibot";
import type { FileRange } from "../blob/byte-source.js";
import { verifyBytes } from "../blob/verify.js";
import { OvlError } from "../errors.js";
import { type ImageConfig, MAX_CONFIG_BYTES, parseImageConfig } from "../model/config.js";
import { algorithmOf, type DiffId, type Digest, hexOf, type ImageId } from "../model/digest.js";
import { checkShape, goStruct } from "../model/go-shape.js";
import { parseJson } from "../model/json.js";
import {
  type Descriptor,
  type Index,
  isImage,
  MAX_MANIFEST_BYTES,
  type Manifest,
  parseManifest,
} from "../model/manifest.js";
import { isForeignLayerType, isImageConfigType, isLayerType } from "../model/media-types.js";
import { claimedLayers, type OnDamage, tellDamage } from "./damage.js";
import { DocumentBudget } from "./document-budget.js";
import { type FileTree, readFile, readRange, show } from "./file-tree.js";
import { type Blobs, type ChosenManifest, chooseImages } from "./oci-index.js";
import type { ImageSource, Selection, SourceImage, SourceLayer } from "./source.js";

/** Takes over the tree. */
export function ociSource(kind: "oci" | "oci-archive", tree: FileTree): ImageSource {
  return {
    kind,
    location: tree.location,
    images: (selection, onDamage) => layoutImages(tree, selection, onDamage),
    [Symbol.asyncDispose]: async () => tree[Symbol.dispose](),
  };
}

/** The images of a layout; errors as of `ImageSource.images`. */
export async function layoutImages(tree: FileTree, selection: Selection, onDamage?: OnDamage): Promise<SourceImage[]> {
  const index = readIndex(tree);
  const budget = new DocumentBudget(tree.location);
  const blobs = layoutBlobs(tree, budget);
  let isComplete = true;
  const chosen = await chooseImages(index, selection, blobs, (thrown) => {
    isComplete = false;
    tellDamage(thrown, onDamage, budget);
  });
  // Signatures and their like may lie beside images; where there is nothing else, they are refused by name.
  const images = chosen.filter(({ manifest }) => isImage(manifest));
  return (images.length > 0 || !isComplete ? images : chosen).flatMap((each) => {
    try {
      return [sourceImage(tree, each, budget)];
    } catch (thrown) {
      const layers = each.manifest.layers.filter(({ mediaType }) => isLayerType(mediaType));
      const id = each.manifest.config.digest as string as ImageId;
      const claimed = claimedLayers(layers.map((layer) => sourceBlob(tree, layer)));
      tellDamage(thrown, onDamage, budget, { id, layers: claimed });
      return [];
    }
  });
}

export function layoutBlobs(tree: FileTree, budget: DocumentBudget): Blobs {
  return {
    location: tree.location,
    manifest: async (descriptor) => readManifest(tree, descriptor, budget),
    config: async (manifest) => readConfig(tree, manifest.config, budget),
  };
}

/** index.json of a layout that can be read. Throws BAD_ARCHIVE, BAD_MANIFEST, UNSUPPORTED_MEDIA_TYPE. */
export function readIndex(tree: FileTree): Index {
  checkLayout(tree);
  const bytes = readFile(tree, "index.json", manifestLimits("index.json"));
  const index = parseManifest(bytes, "", `index.json of ${tree.location}`, "index");
  if (index.kind !== "index") throw new OvlError("BAD_MANIFEST", `index.json of ${tree.location} is no index`);
  return index;
}

function checkLayout(tree: FileTree): void {
  const limits = { subject: "oci-layout", code: "BAD_ARCHIVE", maxBytes: 64 * 1024 } as const;
  const shape = goStruct({ imageLayoutVersion: v.string("must be a string") });
  const { imageLayoutVersion } = checkShape(shape, parseJson(readFile(tree, "oci-layout", limits), limits), limits);
  if (!/^1\./.test(imageLayoutVersion)) {
    throw new OvlError(
      "BAD_ARCHIVE",
      `${tree.location} is an OCI layout of version ${show(imageLayoutVersion)}; versions 1.x can be read`,
      { expected: "1.0.0", actual: imageLayoutVersion },
    );
  }
}

function sourceImage(
  tree: FileTree,
  { descriptor, manifest, names }: ChosenManifest,
  budget: DocumentBudget,
): SourceImage {
  const config = parseImageConfig(readConfig(tree, manifest.config, budget));
  checkLayers(manifest, config, tree.location);
  return {
    id: config.id,
    config,
    names,
    manifestDigest: descriptor.digest,
    layers: manifest.layers.map((layer, i) => ({ diffId: config.diffIds[i] as DiffId, ...sourceBlob(tree, layer) })),
    parent: null,
  };
}

/** Throws BAD_MANIFEST, and UNSUPPORTED_MEDIA_TYPE for what is no layer. */
export function checkLayers({ layers }: Manifest, config: ImageConfig, location: string): void {
  if (layers.length !== config.diffIds.length) {
    throw new OvlError(
      "BAD_MANIFEST",
      `${location}: the manifest has ${layers.length} layers, but its config ${config.id} has ${config.diffIds.length} diff ids`,
      { expected: config.diffIds.length, actual: layers.length },
    );
  }
  const unsupported = layers.find(({ mediaType }) => !isLayerType(mediaType));
  if (unsupported !== undefined) {
    throw new OvlError(
      "UNSUPPORTED_MEDIA_TYPE",
      `${location}: layer ${unsupported.digest} has the media type ${show(unsupported.mediaType)}, which is no filesystem layer`,
      { mediaType: unsupported.mediaType, digest: unsupported.digest },
    );
  }
}

function sourceBlob(tree: FileTree, descriptor: Descriptor): Omit<SourceLayer, "diffId"> {
  const { digest, mediaType, size } = descriptor;
  return { digest, mediaType, size, open: async () => openBlob(tree, descriptor, `layer ${digest}`) };
}

function readManifest(
  tree: FileTree,
  descriptor: Descriptor,
  budget: DocumentBudget,
): ReturnType<typeof parseManifest> {
  const subject = `manifest ${descriptor.digest} of ${tree.location}`;
  const bytes = readBlob(tree, descriptor, manifestLimits(subject), budget);
  return parseManifest(bytes, descriptor.mediaType, subject);
}

function readConfig(tree: FileTree, descriptor: Descriptor, budget: DocumentBudget): Uint8Array {
  if (!isImageConfigType(descriptor.mediaType)) {
    throw new OvlError(
      "UNSUPPORTED_MEDIA_TYPE",
      `${tree.location}: the manifest is an artifact, not an image: its config has the media type ${show(descriptor.mediaType)}`,
      { mediaType: descriptor.mediaType, digest: descriptor.digest },
    );
  }
  const subject = `image config ${descriptor.digest} of ${tree.location}`;
  return readBlob(tree, descriptor, { subject, maxBytes: MAX_CONFIG_BYTES, code: "BAD_CONFIG" }, budget);
}

function manifestLimits(subject: string) {
  return { subject, maxBytes: MAX_MANIFEST_BYTES, code: "BAD_MANIFEST" } as const;
}

function readBlob(
  tree: FileTree,
  descriptor: Descriptor,
  limits: Parameters<typeof readRange>[1],
  budget: DocumentBudget,
): Buffer {
  const bytes = readRange(openBlob(tree, descriptor, limits.subject), limits);
  budget.spend(bytes.length);
  verifyBytes(bytes, { digest: descriptor.digest, size: descriptor.size, subject: limits.subject });
  return bytes;
}

/** Where a blob is. Throws BAD_ARCHIVE where it is missing, SIZE_MISMATCH. */
export function openBlob(tree: FileTree, descriptor: Descriptor, subject: string): FileRange {
  const { digest, size } = descriptor;
  const range = tree.find(blobPath(digest));
  if (range === null) throw missing(tree, descriptor, subject);
  if (range.size === size) return range;
  throw new OvlError(
    "SIZE_MISMATCH",
    `${subject}: expected ${size} bytes, but ${blobPath(digest)} in ${tree.location} has ${range.size}; get it again`,
    { subject, expected: size, actual: range.size },
  );
}

export function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

function missing(tree: FileTree, { digest, mediaType, urls }: Descriptor, subject: string): OvlError {
  const foreign = isForeignLayerType(mediaType) || urls.length > 0;
  const where = urls.length === 0 ? "its publisher" : urls.map(show).join(" or ");
  return new OvlError(
    "BAD_ARCHIVE",
    foreign
      ? `${subject} may not be distributed and is not in ${tree.location}; get it from ${where} and put it there as ${blobPath(digest)}`
      : `${subject} is missing: ${tree.location} has no ${blobPath(digest)}`,
    { digest, path: blobPath(digest) },
  );
}
