/** Containers' entries in layerdb: what keeps their layers, and names their directories. */
import { join } from "node:path";
import type { CacheId } from "../../model/digest.js";
import { initOf, isInit } from "../../model/mount-id.js";
import { diskUse } from "../disk-use.js";
import { type Finding, finding, found, type Step } from "../fsck-finding.js";
import type { MountRecord, Picture } from "../fsck-picture.js";
import type { Relations } from "../fsck-relations.js";
import { topOf } from "../fsck-top.js";
import { hasFiles } from "./orphans.js";

export function* checkMounts(picture: Picture, relations: Relations): Generator<Finding> {
  let owners: Owners | null = null;
  for (const mount of picture.mounts.values()) {
    if (!picture.containers.has(mount.containerId)) {
      owners ??= ownersOf(picture, relations);
      // A container that is being made has its layers first.
      if (!picture.daemonRuns) yield abandoned(picture, relations, owners, mount);
      continue;
    }
    yield* checkIds(picture, relations, mount);
    yield* checkParent(picture, relations, mount);
  }
  yield* checkWithout(picture, relations);
}

/** It pins layers for nobody; what was written in the container may still be wanted. */
function abandoned(picture: Picture, relations: Relations, owners: Owners, { containerId, dir }: MountRecord): Finding {
  const steps: Step[] = [];
  let bytes = diskUse(dir);
  for (const cacheId of ownDirectories(picture, relations, owners, containerId)) {
    const path = join(picture.home, cacheId);
    if (!isInit(cacheId) && hasFiles(picture, cacheId)) steps.push({ do: "set-aside", path });
    else bytes += diskUse(path);
    // The rest, or the short name alone.
    steps.push({ do: "drop-directory", cacheId });
  }
  return finding("MOUNT_WITHOUT_CONTAINER", {
    subject: containerId,
    path: dir,
    bytes,
    steps: [...steps, { do: "remove", path: dir }],
  });
}

/** Layers and mounts by the directories that they name or have; `lost` where what some of them have is not known. */
type Owners = ReadonlyMap<CacheId, ReadonlySet<string>> | "lost";

function ownersOf(picture: Picture, { places, users }: Relations): Owners {
  const isLost = [...places.mounts].some(([id, { lost }]) => lost && picture.containers.has(id));
  if (isLost || places.lost.size > 0 || places.lostContainers.size > 0) return "lost";
  const owners = new Map([...users].map(([cacheId, named]) => [cacheId, new Set(named)]));
  for (const [id, { rw, init }] of places.mounts) {
    for (const cacheId of [rw, init]) {
      if (cacheId !== null) owners.set(cacheId, (owners.get(cacheId) ?? new Set<string>()).add(id));
    }
  }
  return owners;
}

/** Its read-write and its init layer, as far as they are there and surely nobody else's. */
function ownDirectories(
  picture: Picture,
  { places, buildKit }: Relations,
  owners: Owners,
  containerId: string,
): CacheId[] {
  const { rw, init } = places.mounts.get(containerId) ?? { rw: null, init: null };
  if (rw === null || owners === "lost") return [];
  const pair = [rw, init ?? initOf(rw)].filter((cacheId) => picture.directories.has(cacheId));
  const isOwn = (cacheId: CacheId) => [...(owners.get(cacheId) ?? [])].every((owner) => owner === containerId);
  return pair.every((cacheId) => isOwn(cacheId) && !buildKit.mayOwn(cacheId)) ? pair : [];
}

/** `mount-id` and `init-id`, where one of them does not name a directory of the container's own. */
function* checkIds(picture: Picture, { places, users }: Relations, mount: MountRecord): Generator<Finding> {
  const { containerId: subject, dir } = mount;
  const fault = places.mounts.get(subject)?.fault ?? null;
  if (fault === null) return;
  const { file, content } = fault;
  const path = join(dir, file);
  const field = file === "mount-id" ? mount.mountId : mount.initId;
  const others = field.state === "valid" ? (users.get(field.value) ?? []).filter((user) => user !== subject) : [];
  const isGone = field.state === "valid" && !picture.directories.has(field.value);
  const more = others.length > 0 ? `, which ${others.join(", ")} has` : isGone ? ", which is not there" : "";
  yield finding(file === "mount-id" ? "MOUNT_ID_BAD" : "INIT_ID_BAD", {
    subject,
    path,
    detail: `${content === null ? "" : `expected ${content}, `}found ${found(field)}${more}`,
    steps: content === null ? [] : [{ do: "write", path, content, mode: 0o644 }],
  });
}

function* checkParent(picture: Picture, relations: Relations, mount: MountRecord): Generator<Finding> {
  const { containerId: subject, dir, parent } = mount;
  const content = topOf(picture, relations, subject);
  if (parent.state === "valid" ? parent.value === content : parent.state === "absent" && content === null) return;
  const path = join(dir, "parent");
  const steps: Step[] = content === null ? [] : [{ do: "write", path, content, mode: 0o644 }];
  const detail = `expected ${content ?? "the ChainID of a layer"}, found ${found(parent)}`;
  yield finding("MOUNT_PARENT_BAD", { subject, path, detail, steps });
}

/** Containers that have none. */
function* checkWithout(picture: Picture, relations: Relations): Generator<Finding> {
  for (const { id, config } of picture.containers.values()) {
    if (!relations.places.lostContainers.has(id) || config === null || picture.layerdb.mounts.has(id)) continue;
    const candidates = relations.places.lostContainers.get(id) ?? [];
    const [only] = candidates;
    const dir = join(picture.image, "layerdb", "mounts", id);
    const sure = only !== undefined && relations.places.containerIn.get(only) === id;
    yield finding("MOUNT_MISSING", {
      subject: id,
      path: dir,
      detail: sure ? `its read-write layer is ${only}` : `${candidates.length} directories may be its read-write layer`,
      steps: sure ? mountSteps(picture, relations, id, dir, only) : [],
    });
  }
}

/** In place by one rename: half an entry would pin layers and name no directory. */
function mountSteps(picture: Picture, relations: Relations, id: string, dir: string, mountId: CacheId): Step[] {
  const parent = topOf(picture, relations, id);
  const tmp = join(picture.image, "layerdb", "tmp");
  const staged = join(tmp, `mount-${id}`);
  const mkdir = (path: string): Step => ({ do: "mkdir", path, mode: 0o755 });
  const write = (name: string, content: string): Step => ({
    do: "write",
    path: join(staged, name),
    content,
    mode: 0o644,
  });
  return [
    mkdir(tmp),
    mkdir(staged),
    write("mount-id", mountId),
    write("init-id", initOf(mountId)),
    ...(parent === null ? [] : [write("parent", parent)]),
    mkdir(join(picture.image, "layerdb", "mounts")),
    { do: "rename", path: staged, to: dir },
  ];
}
