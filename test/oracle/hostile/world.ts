/**
 * A root with an image in it, and beside it a directory that no archive may touch. Whatever hostile thing is
 * pulled into the root, both are looked at before and after.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { OvlError } from "../../../src/errors.js";
import type { PullOptions, PullResult } from "../../../src/store/pull.js";
import { expectSound } from "../../support/expect-sound.js";
import { archive, dockerArchive, image } from "../../support/image-builder.js";
import { pullFile } from "../../support/pull.js";
import { dir, file, layer, whiteout } from "../../support/tar-builder.js";
import { scratch } from "../../support/tmp.js";
import { readTree, type TreeNode } from "../../support/tree.js";

export interface World extends Disposable {
  /** The docker root. */
  readonly root: string;
  /** Absolute path of the directory beside it, with `victim`, `secret.tar` and `sub/` in it. */
  readonly outside: string;
  /** Path of a file beside the archive, for a root filesystem. */
  readonly rootfs: string;
  /** Pulls bytes as a file, or a path as it is. */
  pull(source: Uint8Array | string, options?: Partial<PullOptions>): Promise<PullResult | OvlError>;
  /** The bytes as a file, for a command line. */
  archive(bytes: Uint8Array): string;
  /** Everything but the archives; of the store's own directories not the times, which every pull changes. */
  snapshot(): Map<string, TreeNode>;
}

/** What is there before: a layer of its own, whose files and tags a hostile archive could be after. */
export const resident = image({
  names: ["resident:1"],
  layers: [layer(dir("etc/"), file("etc/passwd", "root:x:0:0::/:/bin/sh\n")), layer(whiteout("etc/passwd"))],
});

export async function makeWorld(): Promise<World> {
  const place = scratch("hostile");
  const outside = place.dir("outside");
  place.dir("outside", "sub");
  writeFileSync(place.join("outside", "victim"), "untouched\n", { mode: 0o640 });
  writeFileSync(place.join("outside", "sub", "file"), "untouched too\n");
  writeFileSync(place.join("outside", "secret.tar"), layer(file("secret", "not for images")));
  place.dir("archives");
  const root = place.join("root");
  const world: World = {
    root,
    outside,
    rootfs: place.join("archives", "rootfs.tar"),
    archive(bytes) {
      const path = place.join("archives", "hostile.tar");
      writeFileSync(path, bytes);
      return path;
    },
    pull: (source, options = {}) =>
      pullFile(root, typeof source === "string" ? source : world.archive(source), options),
    snapshot() {
      const tree = new Map<string, TreeNode>();
      for (const [path, node] of readTree(place.path)) {
        if (path.startsWith("archives")) continue;
        const storeDirectory = node.type === "dir" && /^(root|\.)/.test(path) && !path.includes("/diff");
        tree.set(path, storeDirectory ? { ...node, mtimeNs: 0n } : node);
      }
      return tree;
    },
    [Symbol.dispose]: () => place[Symbol.dispose](),
  };
  const pulled = await world.pull(archive(dockerArchive([resident])));
  assert.ok(!(pulled instanceof OvlError), String(pulled));
  return world;
}

/** The pull fails with one of these codes, and nothing is different after it, in the root and around it. */
export async function assertRefused(
  world: World,
  source: Uint8Array | string,
  codes: string | readonly string[],
  options: Partial<PullOptions> = {},
): Promise<OvlError> {
  const before = world.snapshot();
  const answer = await world.pull(source, options);
  assert.ok(answer instanceof OvlError, "it was taken");
  assert.ok([codes].flat().includes(answer.code), `expected ${codes}, found ${answer.code}: ${answer.message}`);
  assert.deepEqual(world.snapshot(), before);
  expectSound(world.root);
  return answer;
}

/** The pull succeeds with a warning, changes nothing outside of new layers, and is refused under `--strict`. */
export async function assertContained(world: World, source: Uint8Array, code: string): Promise<PullResult> {
  await assertRefused(world, source, code, { strict: true });
  const answer = await assertInside(world, source);
  const warned = answer.warnings.map((warning) => warning.code);
  assert.ok(warned.includes(code) || warned.includes("IRREPRODUCIBLE"), `warnings: ${warned.join()}`);
  return answer;
}

/** Taken, with nothing changed but what a pull is for. */
export async function assertInside(
  world: World,
  source: Uint8Array,
  options: Partial<PullOptions> = {},
): Promise<PullResult> {
  const before = world.snapshot();
  const answer = await world.pull(source, options);
  assert.ok(!(answer instanceof OvlError), String(answer));
  const own = new Set(answer.images.flatMap(({ layers }) => layers.map(({ cacheId }) => cacheId as string)));
  const after = world.snapshot();
  for (const [path, node] of before) {
    // Names and parents of images are what a pull is for.
    if (path.endsWith("repositories.json") || path.endsWith("/committed")) continue;
    assert.deepEqual(after.get(path), node, path);
  }
  const added = [...after.keys()].filter((path) => !before.has(path));
  const places =
    /^root\/(image\/overlay2\/(imagedb|layerdb)\/|overlay2\/l\/[A-Z2-7]{26}$|overlay2\/([0-9a-f]{64})(\/|$))/;
  for (const path of added) {
    const cacheId = places.exec(path)?.[3];
    assert.match(path, places);
    assert.ok(cacheId === undefined || own.has(cacheId), `${path} belongs to no layer of the image`);
  }
  expectSound(world.root);
  return answer;
}
