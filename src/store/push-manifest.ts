/** The manifest of a pushed image: the one that the repository has already, or the one that dockerd would write. */
import type { Compression } from "../blob/compression.js";
import { OvlError } from "../errors.js";
import type { Digest, ImageId } from "../model/digest.js";
import { DOCKER_CONFIG, DOCKER_LAYER_GZIP, DOCKER_MANIFEST, OCI_CONFIG, OCI_MANIFEST } from "../model/media-types.js";
import type { Reference } from "../model/reference.js";
import { fetchManifest } from "../source/registry/manifests.js";
import type { RegistryUploader } from "../source/registry/uploader.js";
import { LAYER_TYPES } from "./save-documents.js";

export interface PushedBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly compression: Exclude<Compression, "bzip2" | "xz">;
}

export interface PushManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

/**
 * Docker's form, byte for byte as dockerd writes it, so that an image has one digest whoever pushes it. That form
 * knows gzip only; an image with other layers gets an OCI manifest.
 */
export function newManifest(id: ImageId, configSize: number, layers: readonly PushedBlob[]): PushManifest {
  const isDocker = layers.every(({ compression }) => compression === "gzip");
  const mediaType = isDocker ? DOCKER_MANIFEST : OCI_MANIFEST;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: isDocker ? DOCKER_CONFIG : OCI_CONFIG, size: configSize, digest: id },
    layers: layers.map(({ digest, size, compression }) => ({
      mediaType: isDocker ? DOCKER_LAYER_GZIP : LAYER_TYPES[compression],
      size,
      digest,
    })),
  };
  return { mediaType, bytes: Buffer.from(JSON.stringify(manifest, null, 3)) };
}

/**
 * A manifest in the repository that is of this image and these blobs: pushing it again changes nothing.
 * @param digests names by digest of the image in this repository
 */
export async function findOldManifest(
  { client, path }: RegistryUploader,
  { tag }: Reference,
  digests: readonly Reference[],
  id: ImageId,
  layers: readonly PushedBlob[],
): Promise<(PushManifest & { readonly digest: Digest; readonly isTagged: boolean }) | null> {
  const candidates = [tag, ...digests.map(({ digest }) => digest)].filter((one) => one !== null);
  for (const reference of candidates) {
    const found = await unlessUnknown(fetchManifest({ client, path }, reference, "pull,push"));
    if (found === null || found.document.kind !== "manifest") continue;
    const { config, layers: old } = found.document;
    const isSame = old.length === layers.length && old.every(({ digest }, i) => digest === layers[i]?.digest);
    if (!isSame || (config.digest as string) !== id || found.mediaType === "") continue;
    const { bytes, mediaType, digest } = found;
    return { bytes, mediaType, digest, isTagged: reference === tag };
  }
  return null;
}

/** Whatever else lies under a tag will be replaced. Who may push need not be allowed to read. */
async function unlessUnknown<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (thrown) {
    if (!(thrown instanceof OvlError)) throw thrown;
    if (thrown.code === "UNAUTHORIZED" || ![7, 130, 143, 70].includes(thrown.exit)) return null;
    throw thrown;
  }
}
