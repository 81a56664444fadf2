/**
 * Images on their way into a root or out of it: `layerdb/tmp/image-<id>`, empty. An image has names, notes and layers
 * beside its config, and no order of writing them can be told from damage without such a mark: with it, what is there
 * of an image without a config is left over. dockerd passes over the directory.
 */
import { join } from "node:path";
import { ensureDirectory, namesIn, removeIfEmpty, syncDirectory } from "../driver/files.js";
import { asOvlError } from "../errors.js";
import { hexOf, type ImageId } from "../model/digest.js";
import type { ImageDb } from "./imagedb.js";
import type { Repositories } from "./repositories.js";

const MARK = /^image-([0-9a-f]{64})$/;

/** @param layerDb ROOT/image/<driver>/layerdb; @returns what takes the marks away */
export function markImages(layerDb: string, ids: readonly ImageId[]): Disposable {
  const tmp = join(layerDb, "tmp");
  const marks = ids.map((id) => join(tmp, `image-${hexOf(id)}`));
  const unmark = () => {
    for (const mark of marks) removeIfEmpty(mark);
  };
  try {
    ensureDirectory(tmp, 0o755);
    for (const mark of marks) ensureDirectory(mark, 0o700);
    syncDirectory(tmp);
  } catch (thrown) {
    unmark();
    throw asOvlError(thrown);
  }
  return { [Symbol.dispose]: unmark };
}

/** Takes back what a killed process left of images: names and notes of those that have no config, and the marks. */
export function unmarkImages(layerDb: string, images: ImageDb, repositories: Repositories): void {
  for (const id of markedImages(join(layerDb, "tmp"))) {
    if (images.isAbsent(id)) {
      const names = repositories.of(id);
      // A file of names that cannot be read cannot be changed either; fsck has an answer to both.
      if (repositories.warnings.length > 0) continue;
      repositories.update((changes) => {
        for (const name of names) changes.remove(name);
      });
      images.delete(id);
    }
    // What is no empty directory is no mark of ours: fsck tells of it.
    removeIfEmpty(join(layerDb, "tmp", `image-${hexOf(id)}`));
  }
}

function markedImages(tmp: string): ImageId[] {
  return namesIn(tmp).flatMap((name) => (MARK.test(name) ? [`sha256:${name.slice("image-".length)}` as ImageId] : []));
}
