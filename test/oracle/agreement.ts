/** What dockerd says of an image on a root, and what ovl says of it on the same root: one and the same. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Dockerd } from "../support/dockerd.js";
import { ovlJson } from "../support/ovl.js";
import { runOk } from "../support/run.js";

interface Step {
  readonly createdBy: string;
  readonly created: string | null;
  readonly comment: string;
  readonly size: number;
  readonly imageId: string | null;
}

/** `inspect`: the same document, every key of it. */
export async function assertSameInspect(daemon: Dockerd, id: string): Promise<void> {
  const byDocker = JSON.parse(await daemon.dockerOk(["image", "inspect", id]));
  const { json } = await ovlJson(["inspect", id, "--root", daemon.root]);
  assert.deepEqual(json, byDocker);
}

/** `history`: the same steps, ids, sizes and comments; times to the second that the docker client prints. */
export async function assertSameHistory(daemon: Dockerd, id: string): Promise<void> {
  const printed = await daemon.dockerOk(["history", "--no-trunc", "--human=false", "--format", "{{json .}}", id]);
  const byDocker = linesOf(printed).map((line) => JSON.parse(line) as Record<string, string>);
  const { json } = await ovlJson<{ history: Step[] }>(["history", id, "--root", daemon.root]);
  assert.deepEqual(
    json.history.map((step) => [step.createdBy, step.comment, String(step.size), step.imageId ?? "<missing>"]),
    byDocker.map((step) => [step["CreatedBy"], step["Comment"], step["Size"], step["ID"]]),
  );
  for (const [i, { created }] of json.history.entries()) {
    if (created === null) continue;
    const theirs = Date.parse(byDocker[i]?.["CreatedAt"] as string);
    assert.equal(Math.floor(Date.parse(created) / 1000), theirs / 1000);
  }
}

/** What an image was made of. */
export interface Expected {
  readonly id: string;
  readonly diffIds: readonly string[];
  readonly configBytes: Uint8Array;
}

/** `docker save` gives images back as they were: the bytes of each config, and layers with these diff ids. */
export async function assertSaved(daemon: Dockerd, images: readonly Expected[], into: string): Promise<void> {
  mkdirSync(into, { recursive: true });
  await daemon.dockerOk(["save", "-o", `${into}.tar`, ...images.map(({ id }) => id)]);
  await runOk("tar", ["-xf", `${into}.tar`, "-C", into]);
  const items = JSON.parse(readFileSync(join(into, "manifest.json"), "utf8")) as readonly SavedImage[];
  assert.equal(items.length, images.length);
  for (const { id, diffIds, configBytes } of images) {
    const item = items.find(({ Config }) => Config === `${id.slice("sha256:".length)}.json`);
    assert.ok(item, `${id} is not in the archive`);
    assert.deepEqual(readFileSync(join(into, item.Config)), Buffer.from(configBytes));
    const saved = [];
    for (const path of item.Layers) saved.push(await sha256OfFile(join(into, path)));
    assert.deepEqual(saved, diffIds);
  }
}

interface SavedImage {
  readonly Config: string;
  readonly Layers: readonly string[];
}

export function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest("hex")}`;
}
