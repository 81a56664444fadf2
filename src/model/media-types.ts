/** Media types of OCI image-spec 1.1 and Docker's image manifest v2 that an image can be made of. */

const OCI = "application/vnd.oci.image.";
const DOCKER = "application/vnd.docker.";

export const OCI_INDEX = `${OCI}index.v1+json`;
export const OCI_MANIFEST = `${OCI}manifest.v1+json`;
export const OCI_CONFIG = `${OCI}config.v1+json`;
export const OCI_LAYER = `${OCI}layer.v1.tar`;
export const OCI_LAYER_GZIP = `${OCI}layer.v1.tar+gzip`;
export const OCI_LAYER_ZSTD = `${OCI}layer.v1.tar+zstd`;
export const DOCKER_LIST = `${DOCKER}distribution.manifest.list.v2+json`;
export const DOCKER_MANIFEST = `${DOCKER}distribution.manifest.v2+json`;
export const DOCKER_CONFIG = `${DOCKER}container.image.v1+json`;
/** What the layers of a docker archive are. */
export const DOCKER_LAYER = `${DOCKER}image.rootfs.diff.tar`;
export const DOCKER_LAYER_GZIP = `${DOCKER}image.rootfs.diff.tar.gzip`;

export function isIndexType(mediaType: string): boolean {
  return mediaType === OCI_INDEX || mediaType === DOCKER_LIST;
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === OCI_MANIFEST || mediaType === DOCKER_MANIFEST;
}

/** Docker's first manifest format: JSON with a signature inside, and no config to take an image id from. */
export function isSchema1Type(mediaType: string): boolean {
  return /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:json|prettyjws)$/.test(mediaType);
}

/**
 * Whether a manifest's config can be an image's. Beside the two types there are those that dockerd takes for one,
 * because old registries wrote them.
 */
export function isImageConfigType(mediaType: string): boolean {
  return [OCI_CONFIG, DOCKER_CONFIG, "application/octet-stream", "application/json", "text/html", ""].includes(
    mediaType,
  );
}

const LAYER = new RegExp(
  `^(?:${OCI}layer\\.(?:nondistributable\\.)?v1\\.tar(?:\\+gzip|\\+zstd)?` +
    `|${DOCKER}image\\.rootfs\\.(?:foreign\\.)?diff\\.tar(?:\\.gzip|\\.zstd)?)$`,
);

/** Whether a blob of this type is a filesystem layer. How it is compressed is read from its bytes, not from here. */
export function isLayerType(mediaType: string): boolean {
  return LAYER.test(mediaType);
}

/** Whether something calls itself a layer, if of a kind that is not read: an encrypted one, a file system image. */
export function isKindOfLayerType(mediaType: string): boolean {
  return /layer|rootfs/.test(mediaType);
}

/** A layer that is said to be a tar as it is, whose digest is its DiffID then. */
export function isPlainLayerType(mediaType: string): boolean {
  return mediaType === OCI_LAYER || mediaType === DOCKER_LAYER;
}

/** A layer whose bytes may be missing from where the image is, to be had from its publisher only. */
export function isForeignLayerType(mediaType: string): boolean {
  return isLayerType(mediaType) && /\.(?:nondistributable|foreign)\./.test(mediaType);
}
