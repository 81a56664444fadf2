/** What stands among the driver's directories and belongs to nothing: directories, short names, strays. */
import { join } from "node:path";
import { LINK } from "../../driver/overlay2-check.js";
import type { CacheId } from "../../model/digest.js";
import { initOf, isInit } from "../../model/mount-id.js";
import { diskUse } from "../disk-use.js";
import { type Finding, finding } from "../fsck-finding.js";
import type { DirectoryRecord, Picture } from "../fsck-picture.js";
import { targetOf } from "../fsck-places.js";
import { NO_LAYERS } from "../fsck-read-layers.js";
import type { Relations } from "../fsck-relations.js";
import { workUnderWay } from "../under-way.js";

/** What dockerd makes in ROOT/<driver> when it starts, to see what the kernel can do. */
const PROBE = /^(check-overlayfs-support|opaque-bug-check|metacopy-check|userxattr-check|d_type-check)[0-9]*$/;

export function* checkOrphans(picture: Picture, relations: Relations, unfinished: ReadonlySet<CacheId>) {
  const moving = workUnderWay(picture) !== null;
  // A read-write layer is known by its init layer, so that one goes last.
  const records = [...picture.directories.values()].sort(
    (a, b) => Number(isInit(a.cacheId)) - Number(isInit(b.cacheId)),
  );
  const { users, places, buildKit } = relations;
  // What is lost elsewhere in the root may be in any of them.
  const lost = [...places.mounts.values()].some((mount) => mount.lost);
  const safe = !lost && places.lost.size === 0 && places.lostContainers.size === 0;
  for (const record of records) {
    const { cacheId, dir } = record;
    if (PROBE.test(cacheId)) {
      yield finding("PROBE_LEFT", { subject: dir, path: dir, steps: [{ do: "remove", path: dir }] });
      continue;
    }
    if (users.has(cacheId) || places.claimed.has(cacheId) || unfinished.has(cacheId) || moving) continue;
    if (buildKit.mayOwn(cacheId)) continue;
    yield orphan(picture, record, safe);
  }
  yield* checkLinks(picture, relations);
  yield* checkStrays(picture, relations);
}

function orphan(picture: Picture, record: DirectoryRecord, safe: boolean): Finding {
  const { cacheId, dir } = record;
  const code = isInit(cacheId) ? "ORPHAN_INIT_DIR" : "ORPHAN_LAYER_DIR";
  if (!safe) {
    const detail = "layers or containers of this root have lost theirs, so it stays";
    return finding(code, { subject: cacheId, path: dir, bytes: diskUse(dir), detail });
  }
  const drop = { do: "drop-directory", cacheId } as const;
  if (!isReadWrite(picture, record) || !hasFiles(picture, cacheId))
    return finding(code, { subject: cacheId, path: dir, bytes: diskUse(dir), steps: [drop] });
  const detail = "a container has written files into it";
  return finding(code, { subject: cacheId, path: dir, detail, steps: [{ do: "set-aside", path: dir }, drop] });
}

/** Made for a container: on an init layer that is called after it. */
function isReadWrite({ directories, links }: Picture, { cacheId, lowers }: DirectoryRecord): boolean {
  const init = initOf(cacheId);
  return directories.has(init) || links.get(lowers[0] ?? "") === `../${init}/diff`;
}

/** Whether a container has written something into its read-write layer. */
export function hasFiles({ files, driver, home }: Picture, cacheId: CacheId): boolean {
  const listing = files.list(join(home, cacheId, driver === "overlay2" ? "diff" : "upper"));
  return typeof listing === "string" || (listing !== null && listing.size > 0);
}

function* checkLinks(picture: Picture, { users, places }: Relations): Generator<Finding> {
  for (const [name, target] of picture.links) {
    if (target === null) {
      const path = join(picture.home, "l", name);
      yield finding("STRAY_IN_DRIVER", { subject: path, path, steps: [{ do: "set-aside", path }] });
      continue;
    }
    const cacheId = targetOf(target);
    const record = cacheId === null ? undefined : picture.directories.get(cacheId);
    if (record === undefined) {
      // The name outlived its directory, which is reported as missing; or it was bent away from who has it.
      if (cacheId !== null && users.has(cacheId)) continue;
      if (places.byLink(name) !== null && picture.directories.has(places.byLink(name) as CacheId)) continue;
      if (places.isUsed(name)) continue;
    } else {
      const link = record.link.kind === "text" ? record.link.text.trim() : "";
      // Without a usable `link` the name is all that is left of it.
      if (link === name || link === "" || !LINK.test(link) || places.isOthers(record)) continue;
      if (
        places.isUsed(name) ||
        (picture.directories.has(places.byLink(name) as CacheId) && places.byLink(name) !== cacheId)
      )
        continue;
    }
    const path = join(picture.home, "l", name);
    yield finding(/^\.tmp-.+[0-9]$/.test(name) ? "TEMPORARY_FILE_LEFT" : "LINK_STALE", {
      subject: path,
      path,
      detail: `it leads to ${target}`,
      steps: [{ do: "remove", path }],
    });
  }
}

function* checkStrays(picture: Picture, { users }: Relations): Generator<Finding> {
  for (const { name, path, kind } of picture.homeEntries.values()) {
    const isLayer = kind === "directory" && picture.directories.has(name as CacheId);
    // In the place of a layer's directory, which is reported as missing.
    if (isLayer || NO_LAYERS.has(name) || users.has(name as CacheId)) continue;
    const at = path ?? join(picture.home, name);
    yield finding("STRAY_IN_DRIVER", {
      subject: at,
      path: at,
      detail: `it is a ${kind}`,
      steps: path === null ? [] : [{ do: "set-aside", path }],
    });
  }
}
