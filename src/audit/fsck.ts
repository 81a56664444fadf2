/**
 * Every inconsistency of a root that its metadata shows. A fault is reported once, at its place; what only follows
 * from it is not.
 */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { DRIVERS } from "../driver/driver.js";
import { mountTable } from "../driver/mount-table.js";
import type { Store } from "../store/store.js";
import { checkContainers } from "./checks/containers.js";
import { checkDirectories } from "./checks/directories.js";
import { checkImages } from "./checks/images.js";
import { checkLayers } from "./checks/layers.js";
import { checkLeftovers, unfinishedDirectories } from "./checks/leftovers.js";
import { checkMerged } from "./checks/merged.js";
import { checkMissingDirectories } from "./checks/missing-directories.js";
import { checkMounts } from "./checks/mounts.js";
import { checkNames } from "./checks/names.js";
import { checkOrphans } from "./checks/orphans.js";
import { checkOverlay } from "./checks/overlay.js";
import { checkUnusedLayers } from "./checks/unused-layers.js";
import { FsckFiles } from "./fsck-files.js";
import { type Finding, finding } from "./fsck-finding.js";
import { type Picture, readPicture } from "./fsck-picture.js";
import { withinReach } from "./fsck-reach.js";
import { type Relations, relate } from "./fsck-relations.js";

export interface FsckCounts {
  readonly images: number;
  readonly layers: number;
  readonly containers: number;
  /** Files read, and the bytes in them. */
  readonly files: number;
  readonly bytes: number;
}

export interface FsckResult {
  readonly findings: readonly Finding[];
  readonly checked: FsckCounts;
  readonly picture: Picture;
  readonly relations: Relations;
}

/**
 * Nothing is written. Throws PERMISSION where something may not be read.
 * @param daemonRuns whether what looks unfinished is a daemon's work under way
 */
export function checkRoot(store: Store, daemonRuns = store.daemonRunning): FsckResult {
  const files = new FsckFiles();
  const picture = readPicture(store.root, store.driver.name, daemonRuns, files);
  const relations = relate(picture);
  const findings = [...withinReach(picture, check(picture, relations))];
  const { images, layers, containers } = picture;
  const checked = { images: images.size, layers: layers.size, containers: containers.size };
  return { findings, checked: { ...checked, files: files.files, bytes: files.bytes }, picture, relations };
}

function* check(picture: Picture, relations: Relations): Generator<Finding> {
  yield* checkLayout(picture);
  yield* checkNames(picture, relations);
  yield* checkImages(picture, relations);
  yield* checkLayers(picture, relations);
  yield* checkMissingDirectories(picture, relations);
  yield* picture.driver === "overlay2" ? checkDirectories(picture, relations) : checkOverlay(picture, relations);
  yield* checkMounts(picture, relations);
  yield* checkContainers(picture, relations);
  yield* checkMerged(picture, relations, mountPointsBelow(picture.home));
  yield* checkLeftovers(picture, relations);
  yield* checkUnusedLayers(picture, relations);
  yield* checkOrphans(picture, relations, unfinishedDirectories(picture));
}

function* checkLayout({ root, driver, files, notDirectories }: Picture): Generator<Finding> {
  for (const [path, detail] of notDirectories) yield finding("NOT_A_DIRECTORY", { subject: path, path, detail });
  for (const other of DRIVERS) {
    const path = join(root, other);
    const inside = other === driver ? null : files.list(path);
    if (inside === null || typeof inside === "string" || inside.size === 0) continue;
    const detail = `dockerd does not start on this root without -s ${driver}`;
    yield finding("SEVERAL_DRIVERS", { subject: path, path, detail });
  }
}

/** By the paths that the root is known by here, whatever symlinks lead to it. */
function mountPointsBelow(home: string): Set<string> {
  let real: string;
  try {
    real = realpathSync(home);
  } catch {
    return new Set();
  }
  const below = mountTable().filter(({ point }) => point.startsWith(`${real}/`));
  return new Set(below.map(({ point }) => `${home}${point.slice(real.length)}`));
}
