/** What dockerd sees of a root: it starts, and agrees with ovl on every image and every container. */
import assert from "node:assert/strict";
import { startDockerd } from "../support/dockerd.js";
import type { RootState } from "./root-state.js";

/** @param root a copy that nobody needs afterwards; @param found what ovl sees of it */
export async function askDockerd(root: string, found: RootState): Promise<void> {
  await using dockerd = await startDockerd(root);
  const ids = lines(await dockerd.dockerOk(["images", "-aq", "--no-trunc"]));
  const containers = lines(await dockerd.dockerOk(["ps", "-aq", "--no-trunc"]));
  const shown = new Map<string, unknown>();
  for (const { Id, RepoTags, Parent } of await inspected(dockerd.dockerOk, "image", ids)) {
    shown.set(`image ${Id}`, { names: RepoTags, parent: Parent === "" ? null : Parent });
  }
  for (const { Name, Image, State } of await inspected(dockerd.dockerOk, "container", containers)) {
    shown.set(`container ${String(Name).slice(1)}`, { imageId: Image, status: (State as { Status: string }).Status });
  }
  const expected = [...found].map(([key, text]) => {
    const { names, parent, imageId, status } = JSON.parse(text) as Record<string, unknown>;
    return [key, key.startsWith("image ") ? { names, parent } : { imageId, status }] as const;
  });
  assert.deepEqual(shown, new Map(expected), dockerd.log());
  // Each layer can be mounted and gives its tar back.
  if (ids.length > 0) await dockerd.dockerOk(["save", ...ids]);
}

async function inspected(
  docker: (args: readonly string[]) => Promise<string>,
  kind: "image" | "container",
  ids: readonly string[],
): Promise<Record<string, unknown>[]> {
  if (ids.length === 0) return [];
  return JSON.parse(await docker([kind, "inspect", ...new Set(ids)])) as Record<string, unknown>[];
}

function lines(text: string): string[] {
  return [...new Set(text.split("\n").filter((line) => line !== ""))];
}
