/**
 * The documents that make images of blobs: OCI image-spec 1.1 (image-layout.md, manifest.md, annotations.md) and the
 * manifest.json of docker archives. The same images always give the same bytes.
 */
import type { LayerCompression } from "../layer/job.js";
import { type DiffId, type Digest, hexOf, sha256 } from "../model/digest.js";
import {
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_LAYER_GZIP,
  OCI_LAYER_ZSTD,
  OCI_MANIFEST,
} from "../model/media-types.js";
import type { Platform } from "../model/platform.js";
import { familiarString, fullString, type Reference } from "../model/reference.js";
import type { PlannedImage } from "./save-plan.js";

/** A file of an image, by its path in the layout. */
export interface Document {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** A layer as the layout has it. */
export interface LayerBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

export const LAYER_TYPES: Readonly<Record<LayerCompression, string>> = {
  none: OCI_LAYER,
  gzip: OCI_LAYER_GZIP,
  zstd: OCI_LAYER_ZSTD,
};

export function blobPath(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

export const LAYOUT_FILE: Document = {
  path: "oci-layout",
  bytes: Buffer.from('{"imageLayoutVersion":"1.0.0"}'),
};

export interface OciDocuments {
  /** Descriptors for index.json: one for each name, one for an image without. */
  readonly manifests: readonly OciDescriptor[];
  /** Manifests and configs. */
  readonly blobs: readonly Document[];
}

export interface OciDescriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Readonly<Record<string, string>>;
}

/** @param layers every layer of every image */
export function ociDocuments(
  images: readonly PlannedImage[],
  layers: ReadonlyMap<DiffId, LayerBlob>,
  compression: LayerCompression,
): OciDocuments {
  const manifests: OciDescriptor[] = [];
  const blobs: Document[] = [];
  for (const { id, config, names } of images) {
    const digest = id as string as Digest;
    const manifest = json({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_CONFIG, digest, size: config.bytes.length },
      layers: config.diffIds.map((diffId) => {
        const { digest, size } = layers.get(diffId) as LayerBlob;
        return { mediaType: LAYER_TYPES[compression], digest, size };
      }),
    });
    const manifestDigest = sha256(manifest);
    blobs.push({ path: blobPath(digest), bytes: config.bytes }, { path: blobPath(manifestDigest), bytes: manifest });
    const descriptor = { mediaType: OCI_MANIFEST, digest: manifestDigest, size: manifest.length };
    const platform = platformJson(config.platform);
    if (names.length === 0) manifests.push({ ...descriptor, platform });
    for (const name of names) manifests.push({ ...descriptor, annotations: annotationsOf(name), platform });
  }
  return { manifests, blobs };
}

export function indexFile(manifests: readonly OciDescriptor[]): Document {
  return { path: "index.json", bytes: json({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }) };
}

/**
 * manifest.json. `LayerSources`, which docker writes since 25.0, is left out: dockerd would note it beside each layer
 * that it loads. `BaseChainID` is ovl's own, and unknown to all others: the layers up to and including it are not in
 * the archive.
 */
export function dockerManifest(images: readonly PlannedImage[]): Document {
  const items = images.map(({ id, config, names, parent, base }) => ({
    Config: blobPath(id as string as Digest),
    RepoTags: names.length === 0 ? null : names.map(familiarString),
    Layers: config.diffIds.map((diffId) => blobPath(diffId as string as Digest)),
    ...(parent === null ? {} : { Parent: parent }),
    ...(base === null ? {} : { BaseChainID: base }),
  }));
  return { path: "manifest.json", bytes: json(items) };
}

/** containerd's annotation has the full name; the OCI one has the tag, by which skopeo and umoci choose. */
function annotationsOf(name: Reference): Record<string, string> {
  return { "io.containerd.image.name": fullString(name), "org.opencontainers.image.ref.name": name.tag ?? "latest" };
}

function platformJson({ os, architecture, variant }: Platform): Record<string, string> {
  return { architecture, os, ...(variant === null ? {} : { variant }) };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
