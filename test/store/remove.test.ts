import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { OvlError } from "../../src/errors.js";
import { type ChainId, hexOf, type ImageId } from "../../src/model/digest.js";
import type { Layer } from "../../src/store/layerdb.js";
import { pruneImages } from "../../src/store/prune.js";
import { Removal } from "../../src/store/removal.js";
import { removeById, removeImages } from "../../src/store/remove.js";
import { openStore, type Store } from "../../src/store/store.js";
import { expectSound } from "../support/expect-sound.js";
import { oracle } from "../support/oracles.js";
import { scratch } from "../support/tmp.js";
import { addImage } from "./build.js";

const open = (root: string) => openStore({ root, driver: null }, "write");

function addContainer(store: Store, image: ImageId, top: ChainId, state: Record<string, unknown> = {}): string {
  const id = "c".repeat(64);
  const dir = join(store.root, "containers", id);
  mkdirSync(dir, { recursive: true });
  const config = { ID: id, Image: image, Driver: "overlay2", Name: "/web", Config: {}, State: state };
  writeFileSync(join(dir, "config.v2.json"), JSON.stringify(config));
  const mount = join(store.layers.path, "mounts", id);
  mkdirSync(mount, { recursive: true });
  writeFileSync(join(mount, "parent"), top);
  return id;
}

test("layers that another image has stay, and the size that went is told", async () => {
  using work = scratch("remove", 0);
  await using store = await open(work.join("root"));
  addImage(store, ["shared", "one"], { names: ["one"] });
  addImage(store, ["shared", "two!"], { names: ["two"], config: { author: "x" } });
  const first = removeImages(store, ["one"]);
  assert.equal(first.reclaimedBytes, 3);
  expectSound(store.root);
  const second = removeImages(store, ["two"]);
  assert.equal(second.reclaimedBytes, 10);
  assert.deepEqual(store.driver.list(), []);
  expectSound(store.root);
});

test("a dry run changes nothing on disk", async () => {
  using work = scratch("remove", 0);
  await using store = await open(work.join("root"));
  addImage(store, ["a"], { names: ["a"] });
  addImage(store, ["b"]);
  const tree = () => spawnSync("find", [store.root, "-printf", "%p %i %T@ %C@\n"]).stdout.toString();
  const before = tree();
  assert.equal(removeImages(store, ["a"], { dryRun: true }).records.length, 3);
  assert.equal(pruneImages(store, { all: true, dryRun: true }).records.length, 5);
  assert.equal(tree(), before);
});

test("a running container's image stays under force, unless its process is gone", async () => {
  using work = scratch("remove", 0);
  for (const [pid, expected] of [
    [process.pid, "IN_USE"],
    [0x7fffffff, undefined],
  ] as const) {
    await using store = await open(work.join(`root-${pid}`));
    const { id, chain } = addImage(store, ["a"]);
    addContainer(store, id, chain[0] as ChainId, { Running: true, Pid: pid });
    const { failures } = removeImages(store, [id], { force: true });
    assert.equal(failures[0]?.code, expected);
    assert.ok(store.layers.get(chain[0] as ChainId), "the container's layers stay in any case");
  }
});

test("what a mount without a container pins is not removed with the image", async () => {
  using work = scratch("remove", 0);
  await using store = await open(work.join("root"));
  const { id, chain } = addImage(store, ["a", "b"]);
  addContainer(store, id, chain[0] as ChainId);
  rmSync(join(store.root, "containers"), { recursive: true });
  const { records } = removeImages(store, [id]);
  assert.deepEqual(
    records.map((record) => record.kind === "deleted" && record.id),
    [id, chain[1]],
  );
  assert.ok(store.layers.get(chain[0] as ChainId));
});

test("a damaged image can be removed, with the layers that are its own", async () => {
  using work = scratch("remove", 0);
  const root = work.join("root");
  const writer = await open(root);
  const { id, chain } = addImage(writer, ["a", "b"], { names: ["damaged"] });
  const spoiled = addImage(writer, [], { names: ["spoiled"], config: { author: "x" } });
  rmSync(writer.layers.dir(chain[1] as ChainId), { recursive: true });
  appendFileSync(join(writer.images.path, "content/sha256", hexOf(spoiled.id)), "x");
  await writer[Symbol.asyncDispose]();
  await using store = await open(root);
  const { records, failures } = removeImages(store, ["damaged", "spoiled"]);
  assert.deepEqual(failures, []);
  assert.deepEqual(
    records.map((record) => (record.kind === "deleted" ? record.id : record.name)),
    ["damaged:latest", id, chain[0], "spoiled:latest", spoiled.id],
  );
});

test("a directory that two layers share goes with the second", async () => {
  using work = scratch("remove", 0);
  const root = work.join("root");
  const writer = await open(root);
  const a = addImage(writer, ["a"], { names: ["a"] });
  const b = addImage(writer, ["b"], { names: ["b"] });
  const { cacheId } = writer.layers.get(a.chain[0] as ChainId) as { cacheId: string };
  writeFileSync(join(writer.layers.dir(b.chain[0] as ChainId), "cache-id"), cacheId);
  await writer[Symbol.asyncDispose]();
  await using store = await open(root);
  removeImages(store, ["b"]);
  assert.ok(existsSync(join(root, "overlay2", cacheId, "diff/file")));
  removeImages(store, ["a"]);
  assert.equal(existsSync(join(root, "overlay2", cacheId)), false);
});

test("what is mounted is refused before anything of it is gone", { skip: oracle("root") }, async (context) => {
  using work = scratch("remove", 0);
  await using store = await open(work.join("root"));
  const { id, chain } = addImage(store, ["a"]);
  const merged = join(store.driver.dir((store.layers.get(chain[0] as ChainId) as Layer).cacheId), "merged");
  mkdirSync(merged);
  if (spawnSync("mount", ["-t", "tmpfs", "none", merged]).status !== 0) return context.skip("may not mount");
  try {
    assert.equal(removeImages(store, [id]).failures[0]?.code, "IN_USE");
    assert.ok(store.images.has(id));
    assert.deepEqual(pruneImages(store, { all: true }).records, []);
  } finally {
    spawnSync("umount", [merged]);
    rmSync(merged, { recursive: true });
  }
  expectSound(store.root);
});

test("nothing is removed where the names of the images cannot be read", async () => {
  using work = scratch("remove", 0);
  const store = await open(work.join("root"));
  const { id } = addImage(store, ["a"], { names: ["a"] });
  await store[Symbol.asyncDispose]();
  for (const content of ["{", ""]) {
    writeFileSync(store.repositories.path, content);
    await using again = await open(store.root);
    assert.throws(() => pruneImages(again, { all: true }), { code: "BAD_ROOT" });
    assert.throws(() => pruneImages(again), { code: "BAD_ROOT" });
    assert.throws(() => removeImages(again, [id]), { code: "BAD_ROOT" });
    assert.deepEqual(again.images.ids(), [id]);
    assert.equal(again.driver.list().length, 1);
  }
});

test("force is not said to keep an image that a stopped container uses", async () => {
  using work = scratch("remove", 0);
  await using store = await open(work.join("root"));
  const { id, chain } = addImage(store, ["a"], { names: ["a"] });
  addContainer(store, id, chain[0] as ChainId);
  const [refused] = removeImages(store, ["a"]).failures;
  assert.equal(
    refused?.message,
    `a:latest is the last name of image ${hexOf(id).slice(0, 12)}, which container web uses; remove the container first, or use --force`,
  );
  const gone = removeImages(store, ["a"], { force: true }).records;
  assert.deepEqual(gone, [
    { kind: "untagged", name: "a:latest" },
    { kind: "deleted", id },
  ]);
});

test("prune leaves an image in use all its names", async () => {
  using work = scratch("remove", 0);
  await using store = await open(work.join("root"));
  const { id, chain } = addImage(store, ["a"], { names: ["a:1", "a:2", "b:1"] });
  addContainer(store, id, chain[0] as ChainId);
  addImage(store, ["z"], { names: ["z"] });
  assert.equal(pruneImages(store).records.length, 0);
  assert.equal(pruneImages(store, { all: true }).records.length, 3);
  assert.equal(store.repositories.of(id).length, 3);
});

test("an image that cannot be deleted keeps its names and its layers, whatever is removed after it", async () => {
  using work = scratch("remove", 0);
  await using store = await openStore({ root: work.join("root"), driver: null }, "write");
  const a = addImage(store, ["base", "top"], { names: ["a:1"] });
  const b = addImage(store, ["base"]);
  const removal = new Removal(store, false);
  const tmp = join(store.layers.path, "tmp");
  rmSync(tmp, { recursive: true });
  writeFileSync(tmp, "");
  assert.throws(() => removeById(removal, a.id, false), OvlError);
  rmSync(tmp);
  removeById(removal, b.id, false);
  removal.flush();
  assert.deepEqual(removal.records, [{ kind: "deleted", id: b.id }]);
  assert.equal(store.repositories.of(a.id).length, 1);
  for (const chainId of a.chain) assert.ok(store.layers.get(chainId), chainId);
});

test("what failed is told beside what was removed, also where the names could not be written", async () => {
  using work = scratch("remove", 0);
  await using store = await openStore({ root: work.join("root"), driver: null }, "write");
  addImage(store, ["base"], { names: ["a:1", "a:2"] });
  rmSync(store.repositories.path);
  mkdirSync(join(store.repositories.path, "x"), { recursive: true });
  const { failures, records } = removeImages(store, ["a:1", "absent"]);
  assert.deepEqual(
    failures.map(({ code }) => code),
    ["NOT_FOUND", "IO"],
  );
  assert.deepEqual(records, [], "a name that is there still was not taken away");
});
