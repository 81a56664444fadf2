/** The directories of a root as a dockerd that has just started leaves them, as far as they are ours. */
import { chmodSync, chownSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DriverName } from "../driver/driver.js";
import { ensureDirectory, syncDirectory } from "../driver/files.js";
import { asOvlError } from "../errors.js";
import { makeDirectories } from "../sys/make-directories.js";
import { Repositories } from "./repositories.js";
import type { RootLayout } from "./root.js";

/** Modes are dockerd's; a directory that is there keeps the mode it has. */
const DIRECTORIES: readonly (readonly [path: string, mode: number])[] = [
  ["image", 0o700],
  ["image/DRIVER", 0o700],
  ["image/DRIVER/layerdb", 0o700],
  ["image/DRIVER/imagedb", 0o700],
  ["image/DRIVER/imagedb/content", 0o700],
  ["image/DRIVER/imagedb/content/sha256", 0o700],
  ["image/DRIVER/imagedb/metadata", 0o700],
  ["image/DRIVER/imagedb/metadata/sha256", 0o700],
  ["image/DRIVER/distribution", 0o700],
  ["DRIVER", 0o710],
];

export function makeRoot(root: string, kind: RootLayout["kind"]): void {
  try {
    if (kind === "absent") {
      makeDirectories(dirname(root), 0o777);
      ensureDirectory(root, 0o710);
    }
    if (kind === "empty") chmodSync(root, 0o710);
    // A directory above may pass its group on, and the mode lets the group in.
    if (kind !== "docker" && process.getuid?.() === 0) chownSync(root, 0, 0);
  } catch (thrown) {
    throw asOvlError(thrown);
  }
}

/** The root is locked, so that two first commands do not meet in here. */
export function makeSkeleton(root: string, driver: DriverName): void {
  try {
    for (const [path, mode] of DIRECTORIES) ensureDirectory(join(root, path.replace("DRIVER", driver)), mode);
    if (driver === "overlay2") ensureDirectory(join(root, driver, "l"), 0o700);
  } catch (thrown) {
    throw asOvlError(thrown);
  }
  new Repositories(join(root, "image", driver, "repositories.json")).create();
  for (const path of [join(root, "image", driver), join(root, "image"), root]) syncDirectory(path);
}
