/**
 * The union of layers against the kernel: random stacks, mounted with the overlay filesystem and read from below the
 * mount, and computed from their directories, are the same trees.
 *
 * OVL_RANDOM_STACKS=20000 tries more, OVL_RANDOM_SEED=… others. A failure prints the smallest stack found.
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { byteStringOf } from "../../src/model/bytes.js";
import { Union } from "../../src/rootfs/union.js";
import { must } from "../../src/sys/errno.js";
import { MNT_DETACH, mount, unmount } from "../../src/sys/mount.js";
import { compareFacts, factsOfMounts, factsOfUnion } from "../rootfs/facts.js";
import { makeStack, type RandomStack, randomStack } from "../rootfs/stacks.js";
import { oracle } from "../support/oracles.js";
import { removeTree, type Scratch, scratch } from "../support/tmp.js";

const STACKS = Number(process.env["OVL_RANDOM_STACKS"] ?? 2000);
const SEED = Number(process.env["OVL_RANDOM_SEED"] ?? 20);
/** Stacks mounted at once: one getfattr(1) reads the attributes of all of them. */
const BATCH = 100;

test("the union of random layers is what the kernel's overlay filesystem shows", {
  skip: oracle("root", "getfattr"),
}, () => {
  using place = scratch("union", 0);
  const stacks = fc.sample(randomStack, { numRuns: STACKS, seed: SEED });
  for (let at = 0; at < stacks.length; at += BATCH) {
    const failed = disagreements(place, stacks.slice(at, at + BATCH)).findIndex((found) => found.length > 0);
    const stack = stacks[at + failed];
    if (failed < 0 || stack === undefined) continue;
    fc.assert(
      fc.property(randomStack, (one) => assert.deepEqual(disagreements(place, [one])[0], [])),
      { examples: [[stack]], numRuns: 1 },
    );
    assert.fail(`only beside others: ${JSON.stringify(stack)}`);
  }
});

/** For each stack what differs. */
function disagreements(place: Scratch, stacks: readonly RandomStack[]): string[][] {
  const layers = place.dir("layers");
  const mounts = place.dir("mounts");
  const mounted: string[] = [];
  try {
    const dirs = stacks.map((stack, i) => makeStack(stack, place.join("layers", String(i))));
    for (const [i, stack] of stacks.entries()) mounted.push(mountStack(place, String(i), stack, dirs[i] as string[]));
    const expected = factsOfMounts(
      mounts,
      stacks.map((_, i) => String(i)),
    );
    return stacks.map(({ userXattrs }, i) => {
      using union = new Union(dirs[i] as string[], { userXattrs });
      return compareFacts(expected.get(String(i)) as Map<string, string>, factsOfUnion(union));
    });
  } finally {
    for (const point of mounted) unmount(byteStringOf(point), MNT_DETACH);
    for (const dir of [layers, mounts, place.join("work")]) removeTree(dir);
  }
}

function mountStack(place: Scratch, name: string, stack: RandomStack, dirs: readonly string[]): string {
  const point = place.dir("mounts", name);
  const [top, ...below] = dirs as [string, ...string[]];
  mkdirSync(place.join("work", name), { recursive: true });
  const where = stack.writable
    ? `lowerdir=${below.join(":")},upperdir=${top},workdir=${place.join("work", name)}`
    : `lowerdir=${dirs.join(":")}`;
  const options = `index=off,${stack.userXattrs ? "userxattr," : ""}${where}`;
  const [overlay, target] = [byteStringOf("overlay"), byteStringOf(point)];
  must(mount(overlay, target, overlay, 0, byteStringOf(options)), `mount with ${options}`);
  return point;
}
