/** What stands among the driver's directories and belongs to nothing: directories, short names, strays. */
import { join } from "node:path";
import type { CacheId } from "../../model/digest.js";
import { diskUse } from "../disk-use.js";
import { type Finding, finding } from "../fsck-finding.js";
import type { DirectoryRecord, Picture } from "../fsck-picture.js";
import type { Relations } from "../fsck-relations.js";
import { workUnderWay } from "../under-way.js";

/** What dockerd makes in ROOT/<driver> when it starts, to see what the kernel can do. */
const PROBE = /^(check-overlayfs-support|opaque-bug-check|metacopy-check|userxattr-check|d_type-check)[0-9]*$/;
const NO_LAYERS = new Set(["l", "backingFsBlockDev", "lost+found"]);

export function* checkOrphans(picture: Picture, relations: Relations, unfinished: ReadonlySet<CacheId>) {
  const moving = workUnderWay(picture) !== null;
  const strayed = strayedLayers(picture, relations);
  for (const record of picture.directories.values()) {
    const { cacheId, dir } = record;
    const { users, places, buildKit } = relations;
    if (PROBE.test(cacheId)) {
      yield finding("PROBE_LEFT", { subject: dir, path: dir, steps: [{ do: "remove", path: dir }] });
      continue;
    }
    if (users.has(cacheId) || places.claimed.has(cacheId) || unfinished.has(cacheId) || moving) continue;
    if (strayed.has(cacheId) || isInitOfMount(picture, cacheId) || buildKit.mayOwn(cacheId)) continue;
    yield orphan(record, relations);
  }
  yield* checkLinks(picture, relations);
  yield* checkStrays(picture, relations);
}

function orphan({ cacheId, dir }: DirectoryRecord, { places }: Relations): Finding {
  const init = cacheId.endsWith("-init");
  // What is lost elsewhere in the root may be in here.
  const safe = places.lost.size === 0 && places.lostContainers.size === 0;
  return finding(init ? "ORPHAN_INIT_DIR" : "ORPHAN_LAYER_DIR", {
    subject: cacheId,
    path: dir,
    bytes: diskUse(dir),
    ...(safe ? {} : { detail: "layers or containers of this root have lost theirs, so it stays" }),
    steps: safe ? [{ do: "drop-directory", cacheId }] : [],
  });
}

/** `M-init` of a container whose `init-id` is lost. */
function isInitOfMount(picture: Picture, cacheId: CacheId): boolean {
  if (!cacheId.endsWith("-init")) return false;
  const owner = cacheId.slice(0, -"-init".length);
  for (const { mountId } of picture.mounts.values())
    if (mountId.state === "valid" && mountId.value === owner) return true;
  return false;
}

/** The read-write layer of a container whose `mount-id` is lost, by its init layer. */
function strayedLayers(picture: Picture, { users }: Relations): Set<CacheId> {
  const strayed = new Set<CacheId>();
  for (const { mountId, initId } of picture.mounts.values()) {
    if (mountId.state === "valid") continue;
    if (initId.state === "valid") strayed.add(initId.value.replace(/-init$/, "") as CacheId);
    else
      for (const id of picture.directories.keys())
        if (!users.has(id) && hasInit(picture, id)) strayed.add(id).add(`${id}-init` as CacheId);
  }
  return strayed;
}

function hasInit(picture: Picture, id: CacheId): boolean {
  return picture.directories.has(`${id}-init` as CacheId);
}

function* checkLinks(picture: Picture, { users, places }: Relations): Generator<Finding> {
  for (const [name, target] of picture.links) {
    if (target === null) {
      const path = join(picture.home, "l", name);
      yield finding("STRAY_IN_DRIVER", { subject: path, path, steps: [{ do: "set-aside", path }] });
      continue;
    }
    const cacheId = /^\.\.\/([^/]+)\/diff\/?$/.exec(target)?.[1] as CacheId | undefined;
    const record = cacheId === undefined ? undefined : picture.directories.get(cacheId);
    if (record === undefined) {
      // The name outlived its directory, which is reported as missing; or it was bent away from who has it.
      if (cacheId !== undefined && users.has(cacheId)) continue;
      if (places.byLink(name) !== null && picture.directories.has(places.byLink(name) as CacheId)) continue;
      if (places.isUsed(name)) continue;
    } else {
      const link = record.link.kind === "text" ? record.link.text.trim() : "";
      // Without a usable `link` the name is all that is left of it.
      if (link === name || link === "" || !/^[A-Za-z0-9]{1,64}$/.test(link)) continue;
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
