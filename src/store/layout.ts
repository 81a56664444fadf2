/**
 * The directories that a root is made of. Something else in the place of one hides what that should hold; a symlink is
 * not followed, since it may lead out of the root.
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { DriverName } from "../driver/driver.js";
import { namesIn } from "../driver/files.js";
import { isDirectory } from "../driver/is-directory.js";
import { asOvlError, errnoOf, OvlError } from "../errors.js";
import type { StoreWarning } from "./warning.js";

export class Layout {
  /** One for each directory that is none, those below it left out, and for metadata that layers have lost. */
  readonly warnings: readonly StoreWarning[];

  constructor(root: string, driver: DriverName) {
    const found: StoreWarning[] = [];
    for (const path of directoriesOf(root, driver)) {
      if (found.some(({ subject }) => path.startsWith(`${subject}/`))) continue;
      const what = obstacleAt(path);
      if (what !== null) found.push({ code: "BAD_LAYOUT", subject: path, message: `${path} ${what}` });
    }
    this.warnings = found.length > 0 ? found : lostMetadata(root, driver);
  }

  /** What stands in the way to a path of the root. */
  obstacleTo(path: string): StoreWarning | null {
    return this.warnings.find(({ subject }) => path === subject || path.startsWith(`${subject}/`)) ?? null;
  }

  /** Throws BAD_ROOT where nothing should be written. */
  refuseObstacles(): void {
    const [first] = this.warnings;
    if (first !== undefined) throw new OvlError("BAD_ROOT", first.message, { path: first.subject });
  }
}

function directoriesOf(root: string, driver: DriverName): string[] {
  const imagedb = ["", "content", "content/sha256", "metadata", "metadata/sha256"].map((name) => `imagedb/${name}`);
  const layerdb = ["", "sha256", "mounts", "tmp"].map((name) => `layerdb/${name}`);
  const image = join(root, "image", driver);
  return [
    ...[join(root, "image"), image],
    ...[...imagedb, ...layerdb, "distribution"].map((name) => join(image, name).replace(/\/$/, "")),
    ...[join(root, driver), join(root, driver, "l"), join(root, "containers")],
  ];
}

/** Layers without anything that says what they are. */
function lostMetadata(root: string, driver: DriverName): StoreWarning[] {
  const path = join(root, "image", driver, "layerdb");
  if (isDirectory(path)) return [];
  const home = join(root, driver);
  const layers = isDirectory(home) ? namesIn(home).filter((name) => name !== "l") : [];
  if (layers.length === 0) return [];
  const message = `${path} is missing: nothing says what the ${layers.length} directories in ${home} are`;
  return [{ code: "BAD_LAYOUT", subject: path, message }];
}

/** null for a directory, and for nothing: dockerd makes each when it first needs it. */
function obstacleAt(path: string): string | null {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined || stat.isDirectory()) return null;
    if (!stat.isSymbolicLink()) return "is no directory: what it should hold is out of reach";
    return "is a symbolic link, and none is followed out of a root: to have it elsewhere, use a bind mount";
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOTDIR" || errnoOf(thrown) === "EACCES") return null;
    throw asOvlError(thrown);
  }
}
