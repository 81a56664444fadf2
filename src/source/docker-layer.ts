/** A layer as docker archives have it: a path, and what the image's config says. */
import { OvlError } from "../errors.js";
import type { DiffId, Digest } from "../model/digest.js";
import { DOCKER_LAYER } from "../model/media-types.js";
import { type FileTree, show } from "./file-tree.js";
import type { SourceLayer } from "./source.js";

/** `size` is 0 where the archive lacks the layer, which only matters once it is opened. */
export function archiveLayer(tree: FileTree, path: string, diffId: DiffId): SourceLayer {
  return {
    diffId,
    digest: digestInPath(path),
    mediaType: DOCKER_LAYER,
    size: tree.find(path)?.size ?? 0,
    open: async () => {
      const range = tree.find(path);
      if (range !== null) return range;
      throw new OvlError(
        "BAD_ARCHIVE",
        `layer ${diffId} is missing: ${tree.location} has no file ${show(path)}; an archive without it serves only where the layers below and including it are stored already`,
        { diffId, path },
      );
    },
  };
}

/** Blobs of the newer archive are called by their digest, which is a claim that can be checked. */
export function digestInPath(path: string): Digest | null {
  const hex = /^(?:\.\/)?blobs\/sha256\/([0-9a-f]{64})$/.exec(path)?.[1];
  return hex === undefined ? null : (`sha256:${hex}` as Digest);
}
