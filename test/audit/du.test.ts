/** The parts add up to what du(1) says, and each to what it is made of. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { linkSync, mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type RootUse, rootUse } from "../../src/audit/du.js";
import { openStore } from "../../src/store/store.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { APP, buildRoot, examine, type FsckRoot } from "./root.js";

let work: Scratch;
let root: FsckRoot;
before(async () => {
  work = scratch("du", 0);
  await buildRoot(work.join("root"));
  root = await examine(work.join("root"));
});
after(() => work[Symbol.dispose]());

async function use(metadata = false): Promise<RootUse> {
  await using store = await openStore({ root: root.path, driver: null });
  return rootUse(store, metadata).use;
}

function du(path: string, ...options: string[]): number {
  const { stdout, status } = spawnSync("du", ["-sx", "-B1", ...options, path], { encoding: "utf8" });
  assert.equal(status, 0);
  return Number(stdout.split("\t")[0]);
}

function sumOf({ layers, unused, unclaimed, buildCache, orphans, containers, other }: RootUse): number {
  const own = containers.reduce((sum, { size }) => sum + size, 0);
  return layers.size + unused.size + unclaimed.size + buildCache.size + orphans.size + own + other;
}

describe("du", () => {
  it("adds up to what du(1) says of the driver's directory", async () => {
    const found = await use();
    assert.equal(found.total, du(root.overlay2));
    assert.equal(found.inodes, du(root.overlay2, "--inodes"));
    assert.equal(sumOf(found), found.total);
    assert.deepEqual([found.orphans, found.unused.count, found.buildCache.count], [{ count: 0, size: 0 }, 0, 0]);
  });

  it("gives each layer to the images that have it, and says what only one has", async () => {
    const { images, layers } = await use();
    const app = images.find(({ names }) => names.includes(APP));
    const child = images.find(({ names }) => names.includes("child:1"));
    const sizes = root.layers.map(({ dir }) => du(dir)).reduce((sum, bytes) => sum + bytes, 0);
    assert.deepEqual([app?.size, app?.unique, app?.shared], [sizes, 0, sizes]);
    assert.equal(child?.shared, sizes);
    assert.equal((child?.unique ?? 0) + sizes, child?.size);
    const other = images.find(({ names }) => names.some((name) => name.includes("team/other")));
    assert.equal(other?.shared, du(root.base.dir));
    assert.equal(layers.size, sizes + (child?.unique ?? 0) + (other?.unique ?? 0));
    assert.equal(layers.count, readdirSync(root.overlay2).length - 3);
  });

  it("counts containers with their init layer, and their logs apart", async () => {
    const log = join(root.path, "containers", root.container, `${root.container}-json.log`);
    writeFileSync(log, Buffer.alloc(100_000, "x"));
    const { containers } = await use();
    assert.equal(containers.length, 1);
    const [{ size, logs, name } = { size: 0, logs: 0, name: "" }] = containers;
    assert.deepEqual([name, size, logs], ["web", du(root.rw) + du(root.init), du(log)]);
    rmSync(log);
  });

  it("counts hard links once, sparse files by their blocks, and nothing that a symlink leads to", async () => {
    const dir = join(root.rw, "diff");
    writeFileSync(join(dir, "linked"), Buffer.alloc(50_000, "x"));
    linkSync(join(dir, "linked"), join(dir, "again"));
    linkSync(join(dir, "linked"), join(root.init, "diff", "elsewhere"));
    writeFileSync(join(dir, "sparse"), "");
    truncateSync(join(dir, "sparse"), 2 ** 40);
    symlinkSync("/usr", join(dir, "away"));
    const found = await use();
    assert.equal(found.total, du(root.overlay2));
    assert.equal(sumOf(found), found.total);
    assert.ok(found.total < 10_000_000);
  });

  it("names orphans, and does not call BuildKit's layers so", async () => {
    const add = (name: string) => {
      mkdirSync(join(root.overlay2, name, "diff"), { recursive: true });
      writeFileSync(join(root.overlay2, name, "diff", "file"), Buffer.alloc(70_000, "x"));
      return du(join(root.overlay2, name));
    };
    mkdirSync(join(root.path, "buildkit"));
    const orphan = add("f".repeat(64));
    const cached = add("abcdefghijklmnopqrstuvwxy");
    const found = await use();
    assert.deepEqual(found.orphans, { count: 1, size: orphan });
    assert.deepEqual(found.buildCache, { count: 1, size: cached });
    assert.equal(found.total, du(root.overlay2));
    assert.equal(sumOf(found), found.total);
  });

  it("takes layers' sizes from layerdb where it is told not to walk", async () => {
    const walked = await use();
    const found = await use(true);
    assert.equal(found.inodes, null);
    assert.deepEqual(found.containers, walked.containers);
    assert.deepEqual(found.orphans, walked.orphans);
    await using store = await openStore({ root: root.path, driver: null });
    const noted = store.layers.list().layers.reduce((sum, { size }) => sum + size, 0);
    assert.equal(found.layers.size, noted);
    assert.equal(sumOf(found), found.total);
  });
});
