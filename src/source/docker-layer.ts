/** What docker archives with and without manifest.json have in common. */
import { OvlError } from "../errors.js";
import type { ChainId, DiffId, Digest } from "../model/digest.js";
import { DOCKER_LAYER } from "../model/media-types.js";
import { type FileTree, show } from "./file-tree.js";
import type { SourceLayer } from "./source.js";

/** What a store must have already, where an archive goes without the lower layers of an image. */
export interface MissingBase {
  /** Of the topmost layer that the archive lacks. */
  readonly chainId: ChainId;
  /** Whether the archive says so itself, as those of `ovl save --since` do. */
  readonly isDeclared: boolean;
}

/**
 * `size` is 0 where the archive lacks the layer, which only matters once it is opened.
 * @param missing null where the image is complete
 */
export function archiveLayer(
  tree: FileTree,
  path: string,
  diffId: DiffId,
  missing: MissingBase | null = null,
): SourceLayer {
  return {
    diffId,
    digest: digestInPath(path),
    mediaType: DOCKER_LAYER,
    size: tree.find(path)?.size ?? 0,
    open: async () => {
      const range = tree.find(path);
      if (range !== null) return range;
      throw missing?.isDeclared ? baseMissing(tree, missing.chainId) : layerMissing(tree, path, diffId, missing);
    },
  };
}

function baseMissing({ location }: FileTree, chainId: ChainId): OvlError {
  return new OvlError(
    "NOT_FOUND",
    `${location} holds only what comes on top of the layers up to ChainID ${chainId}, which are not in the store; get the image that it was saved since first`,
    { chainId },
  );
}

function layerMissing(tree: FileTree, path: string, diffId: DiffId, missing: MissingBase | null): OvlError {
  const use =
    missing === null ? "" : `; it serves only where the layers up to ChainID ${missing.chainId} are stored already`;
  const message = `layer ${diffId} is missing: ${tree.location} has no file ${show(path)}${use}`;
  return new OvlError("BAD_ARCHIVE", message, { diffId, path, chainId: missing?.chainId ?? null });
}

/** Blobs of the newer archive are called by their digest, which is a claim that can be checked. */
export function digestInPath(path: string): Digest | null {
  const hex = /^(?:\.\/)?blobs\/sha256\/([0-9a-f]{64})$/.exec(path)?.[1];
  return hex === undefined ? null : (`sha256:${hex}` as Digest);
}
