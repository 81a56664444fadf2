/** Mount points of containers. While a daemon runs they are its own affair, and a container's while it outlives one. */
import { join } from "node:path";
import type { CacheId } from "../../model/digest.js";
import { isJsonObject, type JsonObject } from "../../model/go-shape.js";
import { processLives } from "../../store/process.js";
import { type Finding, finding } from "../fsck-finding.js";
import type { DirectoryRecord, Picture } from "../fsck-picture.js";
import type { Relations } from "../fsck-relations.js";
import type { Entry } from "../listing.js";

/** @param mounted mount points below the root */
export function* checkMerged(
  picture: Picture,
  { buildKit, users }: Relations,
  mounted: ReadonlySet<string>,
): Generator<Finding> {
  if (picture.daemonRuns) return;
  const usual = alwaysThere(picture);
  for (const { cacheId, dir, entries } of picture.directories.values()) {
    const merged = entries.get("merged");
    // Of an orphan the whole directory is reported.
    if (merged === undefined || (!users.has(cacheId) && !buildKit.mayOwn(cacheId))) continue;
    yield* checkOne(picture, { cacheId, dir }, merged, mounted, usual);
  }
}

/** dockerd before 18.06 made `merged` with the layer and left it. */
function alwaysThere({ mounts, directories }: Picture): boolean {
  const ids = [...mounts.values()].flatMap(({ mountId, initId }) => [mountId, initId]);
  const records = ids.flatMap((id) => (id.state === "valid" ? (directories.get(id.value) ?? []) : []));
  return records.length > 1 && records.every(({ entries }) => entries.has("merged"));
}

/** The container that has a layer as its own, if it is marked as running. */
function runner({ mounts, containers }: Picture, cacheId: CacheId): { containerId: string; state: JsonObject } | null {
  for (const { containerId, mountId } of mounts.values()) {
    if (mountId.state !== "valid" || mountId.value !== cacheId) continue;
    const state = containers.get(containerId)?.config?.["State"];
    return isJsonObject(state) && state["Running"] === true ? { containerId, state } : null;
  }
  return null;
}

/** As in roots that were captured: what a live container's mount showed was copied as if it were the root's. */
function copied(picture: Picture, cacheId: CacheId): { detail?: string } {
  const id = runner(picture, cacheId)?.containerId;
  if (id === undefined) return {};
  return { detail: `this is a copy that was made while container ${id} ran: these files are what its mount showed` };
}

function* checkOne(
  picture: Picture,
  { cacheId, dir }: Pick<DirectoryRecord, "cacheId" | "dir">,
  merged: Entry,
  mounted: ReadonlySet<string>,
  usual: boolean,
): Generator<Finding> {
  const path = join(dir, "merged");
  const at = { subject: cacheId, path };
  if (mounted.has(path)) {
    // With "live-restore", or where dockerd was killed: it would lose its root.
    if (processLives(runner(picture, cacheId)?.state)) return;
    yield finding("MERGED_MOUNTED", {
      ...at,
      steps: [
        { do: "unmount", path },
        { do: "rmdir", path },
      ],
    });
    return;
  }
  const inside = merged.kind === "directory" ? picture.files.list(path) : "no directory";
  const empty = inside === null || (typeof inside !== "string" && inside.size === 0);
  if (empty && usual) return;
  if (empty) yield finding("MERGED_EMPTY", { ...at, steps: [{ do: "rmdir", path }] });
  else yield finding("MERGED_LEFT", { ...at, ...copied(picture, cacheId), steps: [{ do: "set-aside", path }] });
}
