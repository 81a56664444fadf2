/**
 * The union of layers against the kernel: random stacks, mounted with the overlay filesystem and read from below the
 * mount, and computed from their directories, are the same trees.
 *
 * OVL_RANDOM_STACKS=20000 tries more, OVL_RANDOM_SEED=… others. A failure prints the smallest stack found.
 */
import assert from "node:assert/strict";
import { mkdirSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { OvlError } from "../../src/errors.js";
import { byteStringOf } from "../../src/model/bytes.js";
import { Union } from "../../src/rootfs/union.js";
import { AT_FDCWD, close, O_PATH, openAt, openAt2, RESOLVE_IN_ROOT } from "../../src/sys/at.js";
import { errnoName, must } from "../../src/sys/errno.js";
import { MNT_DETACH, mount, unmount } from "../../src/sys/mount.js";
import { procLink } from "../../src/sys/xattr.js";
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

test("paths lead through symlinks of the union where they lead after chroot into a mount", {
  skip: oracle("root", "getfattr"),
}, () => {
  using place = scratch("union", 0);
  const name = fc.constantFrom("a", "b", "c", "d", "a.b", "..", ".", "");
  const paths = fc.array(fc.array(name, { minLength: 1, maxLength: 5 }), { minLength: 40, maxLength: 40 });
  fc.assert(
    fc.property(randomStack, paths, (stack, paths) => {
      assert.deepEqual(
        withMounts(place, [stack], ([dirs = []]) => {
          using union = new Union(dirs, { userXattrs: stack.userXattrs });
          using mounted = new Mounted(place.join("mounts", "0"));
          return paths.map((path) => path.join("/")).filter((path) => mounted.resolve(path) !== resolved(union, path));
        }),
        [],
      );
    }),
    { numRuns: STACKS / 10, seed: SEED },
  );
});

/** Where the kernel gets to, confined to a directory; the reason where it gets nowhere. */
class Mounted implements Disposable {
  readonly #point: string;
  readonly #fd: number;

  constructor(point: string) {
    this.#point = point;
    this.#fd = must(openAt(AT_FDCWD, byteStringOf(point), O_PATH), "open");
  }

  resolve(path: string): string {
    const fd = openAt2(this.#fd, byteStringOf(path === "" ? "." : path), O_PATH, RESOLVE_IN_ROOT);
    if (fd < 0) return errnoName(-fd);
    const found = readlinkSync(procLink(fd), { encoding: "latin1" });
    close(fd);
    return found.slice(this.#point.length + 1);
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }
}

function resolved(union: Union, path: string): string {
  try {
    using found = union.locate(byteStringOf(path), "all");
    if (found.entry === null) return found.obstacle === null ? "ENOENT" : "ENOTDIR";
    return path.endsWith("/") && found.entry.type !== "directory" ? "ENOTDIR" : found.path;
  } catch (thrown) {
    if (thrown instanceof OvlError && thrown.code === "NOT_FOUND") return "ELOOP";
    throw thrown;
  }
}

/** For each stack what differs. */
function disagreements(place: Scratch, stacks: readonly RandomStack[]): string[][] {
  return withMounts(place, stacks, (dirs) => {
    const names = stacks.map((_, i) => String(i));
    const expected = factsOfMounts(place.join("mounts"), names);
    return stacks.map(({ userXattrs }, i) => {
      using union = new Union(dirs[i] as string[], { userXattrs });
      return compareFacts(expected.get(String(i)) as Map<string, string>, factsOfUnion(union));
    });
  });
}

/** @param look given each stack's directories, topmost first; the mount of stack 3 is `mounts/3` */
function withMounts<T>(place: Scratch, stacks: readonly RandomStack[], look: (dirs: string[][]) => T): T {
  const mounted: string[] = [];
  try {
    const dirs = stacks.map((stack, i) => makeStack(stack, place.join("layers", String(i))));
    for (const [i, stack] of stacks.entries()) mounted.push(mountStack(place, String(i), stack, dirs[i] as string[]));
    return look(dirs);
  } finally {
    for (const point of mounted) unmount(byteStringOf(point), MNT_DETACH);
    for (const name of ["layers", "mounts", "work"]) removeTree(place.dir(name));
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
