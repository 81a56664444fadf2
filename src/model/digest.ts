/**
 * Content identifiers, parsed once and then carried as types that do not mix.
 * Digest grammar: OCI image-spec, descriptor.md. Chain arithmetic: OCI image-spec, config.md, "Layer ChainID".
 */
import { createHash } from "node:crypto";

declare const brand: unique symbol;
type Branded<B extends string> = string & { readonly [brand]: B };

/** Digest of a blob as it is stored or sent: `sha256:<64 hex>` or `sha512:<128 hex>`, lower case. */
export type Digest = Branded<"Digest">;
/** sha256 of the uncompressed layer tar, every byte of it: `sha256:<64 hex>`. */
export type DiffId = Branded<"DiffId">;
/** Identity of a layer on top of a given stack; names its directory in layerdb: `sha256:<64 hex>`. */
export type ChainId = Branded<"ChainId">;
/** sha256 of the exact bytes of an image config: `sha256:<64 hex>`. */
export type ImageId = Branded<"ImageId">;
/** Local name of a layer's directory below `overlay2/`; 64 hex digits from dockerd, anything from others. */
export type CacheId = Branded<"CacheId">;

const SHA256 = /^sha256:[0-9a-f]{64}$/;
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
const CACHE_ID = /^(?!l$)[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/;

export function isDigest(text: string): text is Digest {
  return DIGEST.test(text);
}
export function isDiffId(text: string): text is DiffId {
  return SHA256.test(text);
}
export function isChainId(text: string): text is ChainId {
  return SHA256.test(text);
}
export function isImageId(text: string): text is ImageId {
  return SHA256.test(text);
}
/** Whether text can name a layer directory: one path component that cannot leave `overlay2/`, and not its `l/`. */
export function isCacheId(text: string): text is CacheId {
  return CACHE_ID.test(text);
}

/** The hex digits of any identifier: what docker's directories are called. */
export function hexOf(id: Digest | DiffId | ChainId | ImageId): string {
  return id.slice(id.indexOf(":") + 1);
}

/** The hash algorithm of a digest, in the name that node:crypto knows. */
export function algorithmOf(digest: Digest): "sha256" | "sha512" {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

/** sha256 of bytes in text form. The caller gives it the type that the bytes deserve. */
export function sha256(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
}

export function imageIdOf(configBytes: Uint8Array): ImageId {
  return sha256(configBytes) as string as ImageId;
}

/** ChainID of one layer: its DiffID at the bottom, else sha256 of `parent`, a space, `diffId`, in text form. */
export function chainIdOf(parent: ChainId | null, diffId: DiffId): ChainId {
  if (parent === null) return diffId as string as ChainId;
  return sha256(`${parent} ${diffId}`) as string as ChainId;
}

/** ChainIDs of a stack of layers, bottom to top, one for each DiffID. */
export function chainIdsOf(diffIds: readonly DiffId[]): ChainId[] {
  const chain: ChainId[] = [];
  let parent: ChainId | null = null;
  for (const diffId of diffIds) {
    parent = chainIdOf(parent, diffId);
    chain.push(parent);
  }
  return chain;
}
