/** What interrupted work left in layerdb and imagedb, and what never belonged there. */
import { join } from "node:path";
import { type CacheId, isCacheId } from "../../model/digest.js";
import { diskUse } from "../disk-use.js";
import { type Finding, finding, type Step } from "../fsck-finding.js";
import type { Picture } from "../fsck-picture.js";
import { field } from "../fsck-read-layers.js";
import type { Relations } from "../fsck-relations.js";
import type { Entry, Listing } from "../listing.js";
import { isUnderWay } from "../under-way.js";

const REMOVING = /^[0-9a-f]{64}-[0-9a-f]{64}-removing$/;
const TEMPORARY = /^\.tmp-.+[0-9]$/;
const UNFINISHED = /^(container|removed|volumes)-([0-9a-f]{64})$/;
const IN_TMP = /^(write-set|container|removed|volumes|image)-/;
const HEX = /^[0-9a-f]{64}$/;

/** Directories that unfinished work names: they go with it, and are no orphans. */
export function unfinishedDirectories(picture: Picture): Set<CacheId> {
  const named = [...writeSets(picture), ...removing(picture)].map(({ path }) => cacheIdIn(picture, path));
  for (const { path } of unfinishedContainers(picture)) {
    for (const name of ["mount-id", "init-id"]) named.push(cacheIdIn(picture, path, name));
  }
  return new Set(named.filter((cacheId) => cacheId !== null));
}

export function* checkLeftovers(picture: Picture, relations: Relations): Generator<Finding> {
  for (const { path } of writeSets(picture)) {
    if (isUnderWay(picture, path)) continue;
    yield finding("WRITE_SET_LEFT", leftover(picture, relations, path));
  }
  for (const { path, name } of picture.daemonRuns ? [] : unfinishedContainers(picture)) {
    const ids = ["init-id", "mount-id"].map((file) => cacheIdIn(picture, path, file));
    const unused = ids.filter((id) => id !== null && isUnused(picture, relations, id));
    const drops = unused.map((cacheId) => ({ do: "drop-directory", cacheId: cacheId as CacheId }) as const);
    const [, kind, containerId = ""] = UNFINISHED.exec(name) ?? [];
    // Of one that is listed only this is left over.
    const config = picture.mounts.has(containerId) ? [] : [{ do: "drop-container", containerId } as const];
    const made = [...config, ...drops, { do: "remove", path } as const];
    // The list of volumes of a container that is still there: its removal has not begun.
    if (kind === "volumes" && picture.layerdb.tmp.has(`removed-${containerId}`)) continue;
    yield finding("CONTAINER_UNFINISHED", {
      subject: path,
      path,
      bytes: drops.reduce((sum, { cacheId }) => sum + diskUse(join(picture.home, cacheId)), diskUse(path)),
      steps: kind === "container" ? made : [{ do: "finish-removal", containerId }],
    });
  }
  for (const { path } of picture.daemonRuns ? [] : removing(picture)) {
    const cacheId = cacheIdIn(picture, path);
    if (cacheId !== null && relations.users.has(cacheId)) {
      const detail = `${cacheId} is in use`;
      yield finding("REMOVING_NAMES_LIVE_LAYER", { subject: path, path, detail, steps: [{ do: "remove", path }] });
    } else yield finding("REMOVING_LEFT", leftover(picture, relations, path));
  }
  yield* checkTemporary(picture, relations);
  yield* checkStrays(picture);
}

function isUnused(picture: Picture, { users, buildKit }: Relations, cacheId: CacheId): boolean {
  return picture.directories.has(cacheId) && !users.has(cacheId) && !buildKit.mayOwn(cacheId);
}

function leftover(picture: Picture, relations: Relations, path: string) {
  const cacheId = cacheIdIn(picture, path);
  const unused = cacheId !== null && isUnused(picture, relations, cacheId) ? cacheId : null;
  const drop: Step[] = unused === null ? [] : [{ do: "drop-directory", cacheId: unused }];
  const bytes = diskUse(path) + (unused === null ? 0 : diskUse(join(picture.home, unused)));
  // Last: until it is gone, it tells what the directory was.
  return { subject: path, path, bytes, steps: [...drop, { do: "remove", path } as const] };
}

function writeSets(picture: Picture): { path: string }[] {
  return named(picture.layerdb.tmp, /^write-set-/);
}

/**
 * `layerdb/tmp/container-<id>`, which names what is being made; `removed-<id>`, which names what is being removed;
 * `volumes-<id>`, those that go along.
 */
function unfinishedContainers(picture: Picture): { path: string; name: string }[] {
  return named(picture.layerdb.tmp, UNFINISHED);
}

function removing(picture: Picture): { path: string }[] {
  return named(picture.layerdb.sha256, REMOVING);
}

function named(listing: Listing, pattern: RegExp): { path: string; name: string }[] {
  return [...listing.values()].flatMap(({ name, path, kind }) =>
    kind === "directory" && path !== null && pattern.test(name) ? [{ path, name }] : [],
  );
}

function cacheIdIn(picture: Picture, path: string, name = "cache-id"): CacheId | null {
  const cacheId = field(picture.files.text(join(path, name)), isCacheId);
  return cacheId.state === "valid" ? cacheId.value : null;
}

function* checkTemporary(picture: Picture, { users }: Relations): Generator<Finding> {
  if (picture.daemonRuns) return;
  for (const listing of listings(picture, users)) {
    for (const name of listing.keys()) {
      if (!TEMPORARY.test(name)) continue;
      const { kind, path, size } = listing.get(name) as Entry;
      if (kind !== "file" || path === null) continue;
      const steps = [{ do: "remove", path } as const];
      yield finding("TEMPORARY_FILE_LEFT", { subject: path, path, bytes: size, steps });
    }
  }
}

/** Of every directory in which a file is put in place by renaming; what belongs to nothing is reported as a whole. */
function* listings(picture: Picture, users: Relations["users"]): Generator<Listing> {
  const { files, image, contentEntries, layers, mounts, metadata, directories, containers } = picture;
  const top = files.list(image);
  if (top !== null && typeof top !== "string") yield top;
  yield contentEntries;
  for (const { entries } of [...layers.values(), ...mounts.values(), ...metadata.values()]) yield entries;
  for (const { cacheId, entries } of directories.values()) if (users.has(cacheId)) yield entries;
  for (const { dir } of containers.values()) {
    const found = files.list(dir);
    if (found !== null && typeof found !== "string") yield found;
  }
}

const LAYERDB = new Set(["sha256", "mounts", "tmp"]);

function* checkStrays(picture: Picture): Generator<Finding> {
  const { layerdb, image, contentEntries, metadataEntries } = picture;
  const imagedb = join(image, "imagedb");
  const isLayer = ({ name, kind }: Entry) => kind === "directory" && (HEX.test(name) || REMOVING.test(name));
  const isHexDirectory = ({ name, kind }: Entry) => kind === "directory" && HEX.test(name);
  // What is called as an image and is no file is reported as that image.
  const isImage = ({ name }: Entry) => HEX.test(name) || TEMPORARY.test(name);
  yield* strays(join(image, "layerdb"), layerdb.top, "STRAY_IN_LAYERDB", ({ name }) => LAYERDB.has(name));
  yield* strays(join(image, "layerdb", "sha256"), layerdb.sha256, "STRAY_IN_LAYERDB", isLayer);
  yield* strays(join(image, "layerdb", "mounts"), layerdb.mounts, "STRAY_IN_LAYERDB", isHexDirectory);
  yield* strays(join(image, "layerdb", "tmp"), layerdb.tmp, "STRAY_IN_LAYERDB", ({ name, kind }) => {
    return kind === "directory" && IN_TMP.test(name);
  });
  yield* strays(join(imagedb, "content", "sha256"), contentEntries, "STRAY_IN_IMAGEDB", isImage);
  yield* strays(join(imagedb, "metadata", "sha256"), metadataEntries, "STRAY_IN_IMAGEDB", isHexDirectory);
}

export function* strays(
  dir: string,
  listing: Listing,
  code: "STRAY_IN_LAYERDB" | "STRAY_IN_IMAGEDB" | "STRAY_IN_CONTAINERS",
  belongs: (entry: Entry) => boolean,
): Generator<Finding> {
  for (const entry of listing.values()) {
    if (belongs(entry)) continue;
    const at = entry.path ?? join(dir, entry.name);
    const steps = entry.path === null ? [] : [{ do: "set-aside", path: entry.path } as const];
    yield finding(code, { subject: at, path: at, detail: `it is a ${entry.kind}`, steps });
  }
}
