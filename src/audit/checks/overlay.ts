/** The directories of the legacy overlay driver: a whole tree for each image layer, `upper` for each container. */
import { join } from "node:path";
import type { CacheId } from "../../model/digest.js";
import { type Finding, finding, shown } from "../fsck-finding.js";
import type { DirectoryRecord, MountRecord, Picture } from "../fsck-picture.js";
import type { Relations } from "../fsck-relations.js";
import { topOf } from "../fsck-top.js";

export function* checkOverlay(picture: Picture, relations: Relations): Generator<Finding> {
  for (const { chainId } of picture.layers.values()) {
    const cacheId = relations.places.of(chainId);
    const record = cacheId === null ? undefined : picture.directories.get(cacheId);
    if (record === undefined || record.entries.get("root")?.kind === "directory") continue;
    const restore = { kind: "layer", chainId } as const;
    yield finding("DIFF_MISSING", { subject: chainId, path: join(record.dir, "root"), restore });
  }
  for (const mount of picture.mounts.values()) {
    const place = relations.places.mounts.get(mount.containerId);
    for (const id of [place?.rw ?? null, place?.init ?? null]) {
      const record = id === null ? undefined : picture.directories.get(id);
      if (record !== undefined) yield* checkContainer(picture, relations, mount, record);
    }
  }
}

function* checkContainer(
  picture: Picture,
  relations: Relations,
  { containerId: subject }: MountRecord,
  { dir, entries, lower }: DirectoryRecord,
): Generator<Finding> {
  if (entries.get("upper")?.kind !== "directory") {
    yield finding("DIFF_MISSING", { subject, path: join(dir, "upper") });
    return;
  }
  if (entries.get("work")?.kind !== "directory") {
    const path = join(dir, "work");
    yield finding("WORK_MISSING", {
      subject,
      path,
      steps: entries.has("work") ? [] : [{ do: "mkdir", path, mode: 0o700 }],
    });
  }
  const top = topOf(picture, relations, subject);
  const expected: CacheId | null = top === null ? null : relations.places.of(top);
  const text = lower.kind === "text" ? lower.text.trim() : null;
  if (expected === null || text === expected) return;
  const path = join(dir, "lower-id");
  yield finding("LOWER_ID_WRONG", {
    subject,
    path,
    detail: `expected ${expected}, found ${text === null ? "nothing" : shown(text)}`,
    steps: [{ do: "write", path, content: expected, mode: 0o600 }],
  });
}
