/** The image configs of a root and what the store notes about them: `imagedb/{content,metadata}/sha256`. */
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  ensureDirectory,
  namesIn,
  readSmall,
  removeIfEmpty,
  type SmallFile,
  syncDirectory,
  writeAtomically,
} from "../driver/files.js";
import { isDirectory } from "../driver/is-directory.js";
import { removeTree } from "../driver/remove-tree.js";
import { OvlError, osError } from "../errors.js";
import { MAX_CONFIG_BYTES } from "../model/config.js";
import { hexOf, type ImageId, imageIdOf, isImageId } from "../model/digest.js";
import type { Layout } from "./layout.js";

export class ImageDb {
  /** ROOT/image/<driver>/imagedb */
  readonly path: string;
  readonly #layout: Layout | null;

  constructor(path: string, layout: Layout | null = null) {
    this.path = path;
    this.#layout = layout;
  }

  /** Ids of all configs by their file names, unchecked, in order. */
  ids(): ImageId[] {
    if (this.#obstacle !== null) return [];
    return namesIn(join(this.path, "content", "sha256"))
      .map((name) => `sha256:${name}`)
      .filter(isImageId)
      .sort();
  }

  /** Throws PERMISSION where it may not be read. */
  has(id: ImageId): boolean {
    if (this.#obstacle !== null) return false;
    const path = this.#content(id);
    const file = readSmall(path, MAX_CONFIG_BYTES);
    // It may be there: that it is not would be a wrong answer.
    if (file.kind === "bad" && file.reason === "EACCES") throw osError("EACCES", `read ${path}`, { path });
    return file.kind === "read";
  }

  /** Whether nothing stands where its config would be; what stands there need not be readable. */
  isAbsent(id: ImageId): boolean {
    return this.#obstacle === null && readSmall(this.#content(id), MAX_CONFIG_BYTES).kind === "absent";
  }

  /** The exact bytes of a config. Throws NOT_FOUND, BAD_ROOT, and IMAGE_ID_MISMATCH where they were changed. */
  read(id: ImageId): Buffer {
    const path = this.#content(id);
    if (this.#obstacle !== null) throw new OvlError("BAD_ROOT", this.#obstacle.message, { id, path });
    const file = readSmall(path, MAX_CONFIG_BYTES);
    switch (file.kind) {
      case "absent":
        throw new OvlError("NOT_FOUND", `image ${id} is not in the store: ${path} is missing`, { id, path });
      case "bad":
        throw new OvlError("BAD_ROOT", `config of image ${id}: ${path} ${file.reason}`, { id, path });
      case "read": {
        const actual = imageIdOf(file.bytes);
        if (actual === id) return file.bytes;
        throw new OvlError(
          "IMAGE_ID_MISMATCH",
          `${path} was changed: expected sha256 ${hexOf(id)}, found ${hexOf(actual)}`,
          {
            path,
            expected: id,
            actual,
          },
        );
      }
    }
  }

  /**
   * Stores a config. All its layers are in the store before. The image is there from the moment that its config is, so
   * what is noted about it comes first.
   * @param parent the image that it was built on, in the store by the end of the command; null for none
   * @param lastUpdated RFC 3339 with nanoseconds; null for an image that was not tagged here
   */
  put(bytes: Uint8Array, parent: ImageId | null, lastUpdated: string | null = null): ImageId {
    const id = imageIdOf(bytes);
    ensureDirectory(join(this.path, "content"), 0o700);
    ensureDirectory(join(this.path, "content", "sha256"), 0o700);
    const there = readSmall(this.#content(id), MAX_CONFIG_BYTES);
    // Of one with this id that has gone, or was never finished.
    if (there.kind === "absent") removeTree(this.#metadata(id));
    if (parent !== null) this.setParent(id, parent);
    if (lastUpdated !== null) this.setLastUpdated(id, lastUpdated);
    if (there.kind !== "read" || !there.bytes.equals(bytes)) writeAtomically(this.#content(id), bytes, 0o600);
    return id;
  }

  /** Removes a config, and with it the image; then what is noted about it. dockerd has it the other way round. */
  delete(id: ImageId): void {
    rmSync(this.#content(id), { force: true });
    syncDirectory(join(this.path, "content", "sha256"));
    removeTree(this.#metadata(id));
  }

  /** The image that this one was built on here; null where none is noted. It need not exist. */
  parent(id: ImageId): ImageId | null {
    const file = this.#noted(id, "parent");
    const text = file.kind === "read" ? file.bytes.toString("utf8").trim() : null;
    return text !== null && isImageId(text) ? text : null;
  }

  setParent(id: ImageId, parent: ImageId): void {
    this.#note(id, "parent", parent);
  }

  /** When the image was last tagged, as written; null where nothing is noted. */
  lastUpdated(id: ImageId): string | null {
    const file = this.#noted(id, "lastUpdated");
    return file.kind === "read" && file.bytes.length > 0 ? file.bytes.toString("utf8") : null;
  }

  /** @param time RFC 3339 with nanoseconds */
  setLastUpdated(id: ImageId, time: string): void {
    this.#note(id, "lastUpdated", time);
  }

  /** Takes `setLastUpdated` back. @param time what `lastUpdated` said before */
  restoreLastUpdated(id: ImageId, time: string | null): void {
    if (time !== null) {
      if (this.lastUpdated(id) !== time) this.#note(id, "lastUpdated", time);
      return;
    }
    this.#forget(id, "lastUpdated");
    removeIfEmpty(this.#metadata(id));
  }

  #noted(id: ImageId, key: string): SmallFile {
    const dir = this.#metadata(id);
    const here = (this.#layout?.obstacleTo(dir) ?? null) === null && isDirectory(dir);
    return here ? readSmall(join(dir, key)) : { kind: "absent" };
  }

  /** Throws BAD_ROOT where the images are out of reach: `ids` answers none then. */
  refuseObstacle(): void {
    const obstacle = this.#obstacle;
    if (obstacle !== null) throw new OvlError("BAD_ROOT", obstacle.message, { path: obstacle.subject });
  }

  get #obstacle() {
    return this.#layout?.obstacleTo(join(this.path, "content", "sha256")) ?? null;
  }

  #note(id: ImageId, key: string, value: string): void {
    ensureDirectory(join(this.path, "metadata"), 0o700);
    ensureDirectory(join(this.path, "metadata", "sha256"), 0o700);
    const dir = this.#metadata(id);
    ensureDirectory(dir, 0o700);
    if (!isDirectory(dir)) {
      throw new OvlError("BAD_ROOT", `${dir} is no directory; "ovl fsck" says what the root lacks`, { path: dir });
    }
    writeAtomically(join(dir, key), value, 0o600, dirname(this.path));
  }

  #forget(id: ImageId, key: string): void {
    const dir = this.#metadata(id);
    if (isDirectory(dir)) rmSync(join(dir, key), { force: true });
  }

  #content(id: ImageId): string {
    return join(this.path, "content", "sha256", hexOf(id));
  }

  #metadata(id: ImageId): string {
    return join(this.path, "metadata", "sha256", hexOf(id));
  }
}
