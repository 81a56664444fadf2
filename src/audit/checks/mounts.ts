/** Containers' entries in layerdb: what keeps their layers, and names their directories. */
import { join } from "node:path";
import type { CacheId } from "../../model/digest.js";
import { diskUse } from "../disk-use.js";
import { type Finding, finding, type Step, shown } from "../fsck-finding.js";
import type { Field, MountRecord, Picture } from "../fsck-picture.js";
import type { Relations } from "../fsck-relations.js";
import { topOf } from "./directories.js";

export function* checkMounts(picture: Picture, relations: Relations): Generator<Finding> {
  for (const mount of picture.mounts.values()) {
    if (!picture.containers.has(mount.containerId)) {
      // A container that is being made has its layers first.
      if (!picture.daemonRuns) yield abandoned(picture, mount);
      continue;
    }
    yield* checkIds(picture, relations, mount);
    yield* checkParent(picture, relations, mount);
  }
  yield* checkWithout(picture, relations);
}

/** It pins layers for nobody; what was written in the container may still be wanted. */
function abandoned(picture: Picture, { containerId, dir, mountId, initId }: MountRecord): Finding {
  const steps: Step[] = [];
  let bytes = diskUse(dir);
  const init = initId.state === "valid" ? initId.value : initIdOf(picture, mountId);
  if (mountId.state === "valid" && picture.directories.has(mountId.value)) {
    const path = join(picture.home, mountId.value);
    const files = picture.files.list(join(path, picture.driver === "overlay2" ? "diff" : "upper"));
    const written = typeof files === "string" || (files !== null && files.size > 0);
    if (written) steps.push({ do: "set-aside", path });
    // The rest, or the short name alone.
    steps.push({ do: "drop-directory", cacheId: mountId.value });
    bytes += diskUse(path);
  }
  if (init !== null && picture.directories.has(init)) {
    steps.push({ do: "drop-directory", cacheId: init });
    bytes += diskUse(join(picture.home, init));
  }
  return finding("MOUNT_WITHOUT_CONTAINER", {
    subject: containerId,
    path: dir,
    bytes,
    steps: [...steps, { do: "remove", path: dir }],
  });
}

function initIdOf(picture: Picture, mountId: Field<CacheId>): CacheId | null {
  const name = (mountId.state === "valid" ? `${mountId.value}-init` : "") as CacheId;
  return picture.directories.has(name) ? name : null;
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
  const imageId = picture.containers.get(subject)?.imageId ?? null;
  const image = imageId === null ? undefined : picture.images.get(imageId);
  const expected = image?.state === "sound" ? (image.chain.at(-1) ?? null) : null;
  const path = join(dir, "parent");
  const content = expected ?? topOf(picture, relations, subject);
  const steps: Step[] = content === null ? [] : [{ do: "write", path, content, mode: 0o644 }];
  if (
    parent.state === "valid"
      ? image?.state !== "sound" || parent.value === expected
      : expected === null && parent.state === "absent"
  )
    return;
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
    write("init-id", `${mountId}-init`),
    ...(parent === null ? [] : [write("parent", parent)]),
    mkdir(join(picture.image, "layerdb", "mounts")),
    { do: "rename", path: staged, to: dir },
  ];
}

function found(field: Field<string>): string {
  switch (field.state) {
    case "valid":
      return field.value;
    case "absent":
      return "nothing";
    case "empty":
      return "an empty file";
    case "invalid":
      return shown(field.found);
  }
}
