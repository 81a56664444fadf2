import assert from "node:assert/strict";
import {
  appendFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type ChainId, type DiffId, hexOf, sha256 } from "../../src/model/digest.js";
import { LayerDb } from "../../src/store/layerdb.js";
import { openStore, type Store } from "../../src/store/store.js";
import { copyRoot } from "../support/copy-root.js";
import { expectSound } from "../support/expect-sound.js";
import { scratch } from "../support/tmp.js";
import { addImage, addLayer } from "./build.js";

const open = (root: string, access: "read" | "write" = "write") => openStore({ root, driver: null }, access);

/** A second look at the same disk. */
const reread = (store: Store) => new LayerDb(store.layers.path, store.driver);

test("a layer is invisible until it is committed and whole afterwards", async () => {
  using work = scratch("layers", 0);
  const root = work.join("root");
  await using store = await open(root);
  {
    using layer = store.layers.begin(null);
    writeFileSync(layer.tarSplitPath, "");
    assert.deepEqual(readdirSync(join(root, "image/overlay2/layerdb")), ["tmp"]);
    const [writeSet] = readdirSync(join(root, "image/overlay2/layerdb/tmp"));
    const path = join(root, "image/overlay2/layerdb/tmp", writeSet as string, "cache-id");
    assert.equal(readFileSync(path, "utf8"), layer.cacheId, "whoever finds the write-set knows the directory");
  }
  assert.deepEqual(readdirSync(join(root, "overlay2")), ["l"]);
  assert.deepEqual(readdirSync(join(root, "overlay2/l")), []);
  const { id } = addImage(store, ["a", "b"], { names: ["x"] });
  expectSound(root);
  assert.equal(lstatSync(join(root, "image/overlay2/imagedb/content/sha256", hexOf(id))).mode & 0o777, 0o600);
});

test("modes do not depend on the umask", async () => {
  using work = scratch("layers", 0);
  for (const umask of [0o000, 0o077]) {
    const before = process.umask(umask);
    try {
      await using store = await open(work.join(`root-${umask}`));
      addImage(store, ["a", "b"], { names: ["x"] });
    } finally {
      process.umask(before);
    }
    expectSound(work.join(`root-${umask}`));
  }
});

test("of two equal layers the first is kept and the second leaves nothing", async () => {
  using work = scratch("layers", 0);
  await using store = await open(work.join("root"));
  const facts = { diffId: sha256("a") as string as DiffId, parent: null, size: 0 };
  using first = store.layers.begin(null);
  using second = store.layers.begin(null);
  for (const layer of [first, second]) writeFileSync(layer.tarSplitPath, "");
  const kept = first.commit(facts);
  assert.equal(second.commit(facts).cacheId, kept.cacheId);
  assert.deepEqual(store.driver.list(), [kept.cacheId]);
  assert.deepEqual(readdirSync(join(store.layers.path, "tmp")), []);
});

test("an image gets 125 layers and not one more, and then nothing is left of it", async () => {
  using work = scratch("layers", 0);
  const root = work.join("root");
  await using store = await open(root);
  const texts = Array.from({ length: 125 }, (_, i) => String(i));
  const { chain } = addImage(store, texts, { names: ["deep"] });
  assert.throws(() => addLayer(store, "one more", chain.at(-1) as ChainId), { code: "TOO_MANY_LAYERS" });
  expectSound(root);
});

test("a layer is refused before its parent", async () => {
  using work = scratch("layers", 0);
  await using store = await open(work.join("root"));
  using layer = store.layers.begin(null);
  writeFileSync(layer.tarSplitPath, "");
  const parent = sha256("nobody") as string as ChainId;
  assert.throws(() => layer.commit({ diffId: sha256("a") as string as DiffId, parent, size: 0 }), { code: "INTERNAL" });
});

/** What was seen in the field under a layer's name, none of which is a layer. */
const REMAINS: readonly (readonly [what: string, make: (dir: string) => void])[] = [
  ["an empty directory (moby 44909)", (dir) => mkdirSync(dir)],
  [
    "files of no bytes",
    (dir) => {
      mkdirSync(dir);
      for (const name of ["diff", "size", "cache-id"]) writeFileSync(join(dir, name), "");
    },
  ],
  [
    "a size with a newline",
    (dir) => {
      mkdirSync(dir);
      writeFileSync(join(dir, "diff"), sha256("a"));
      writeFileSync(join(dir, "size"), "5\n");
      writeFileSync(join(dir, "cache-id"), "x".repeat(64));
    },
  ],
];

for (const [what, make] of REMAINS) {
  test(`${what} under a layer's name gives way to the layer`, async () => {
    using work = scratch("layers", 0);
    const root = work.join("root");
    await (await open(root))[Symbol.asyncDispose]();
    mkdirSync(join(root, "image/overlay2/layerdb/sha256"), { mode: 0o755 });
    make(join(root, "image/overlay2/layerdb/sha256", hexOf(sha256("a"))));
    await using store = await open(root);
    assert.match(store.layers.problem(sha256("a") as string as ChainId) as string, /diff|size/);
    addImage(store, ["a"], { names: ["x"] });
    expectSound(root);
  });
}

test("whitespace around ids is tolerated as dockerd tolerates it, around size it is not", async () => {
  using work = scratch("layers", 0);
  await using store = await open(work.join("root"));
  const { chain } = addImage(store, ["a", "b"]);
  const [bottom, top] = chain as [ChainId, ChainId];
  for (const name of ["diff", "cache-id", "parent"]) appendFileSync(join(store.layers.dir(top), name), " \n");
  assert.deepEqual(reread(store).get(top), store.layers.get(top));
  appendFileSync(join(store.layers.dir(bottom), "size"), "\n");
  const db = reread(store);
  assert.equal(db.get(bottom), null);
  assert.equal(db.get(top), null, "nothing stands on a layer that is not there");
  assert.match(db.problem(bottom) as string, /size/);
  assert.match(db.problem(top) as string, /stands on/);
  assert.equal(db.list().warnings.length, 2);
});

test("layers that are each other's parents are no layers, and end no reader", async () => {
  using work = scratch("layers", 0);
  await using store = await open(work.join("root"));
  const { chain } = addImage(store, ["a", "b", "c"]);
  const [bottom, , top] = chain as [ChainId, ChainId, ChainId];
  writeFileSync(join(store.layers.dir(bottom), "parent"), top);
  const db = reread(store);
  assert.deepEqual(db.list().layers, []);
  assert.equal(db.stack(top), null);
});

test("10,000 layers, each on the one before, are listed, and are one stack", async () => {
  using work = scratch("layers");
  const db = join(work.path, "image/overlay2/layerdb/sha256");
  mkdirSync(db, { recursive: true });
  let parent: string | null = null;
  for (let i = 0; i < 10_000; i++) {
    const diff = sha256(`${i}`);
    const chain: string = parent === null ? diff : sha256(`${parent} ${diff}`);
    const dir = join(db, chain.slice(7));
    mkdirSync(dir);
    for (const [name, text] of Object.entries({
      diff,
      size: "1",
      "cache-id": chain.slice(7),
      ...(parent && { parent }),
    })) {
      writeFileSync(join(dir, name), text);
    }
    parent = chain;
  }
  await using store = await open(work.path, "read");
  assert.equal(store.layers.list().layers.length, 10_000);
  assert.equal(store.layers.stack(parent as ChainId)?.length, 10_000);
});

test("a killed pull's write-set and directory go with the next writer, and nothing else does", async () => {
  using work = scratch("layers", 0);
  const root = work.join("root");
  await using store = await open(root);
  addImage(store, ["a", "b"], { names: ["x"] });
  // A copy of the tree in the middle of a transaction is what a killed process leaves.
  using begun = store.layers.begin(null);
  using child = store.layers.begin(begun.cacheId);
  writeFileSync(join(child.contentDir, "half"), "half");
  const crashed = copyRoot(root, work.join("crashed"));
  mkdirSync(join(crashed, "overlay2", "somebody-elses"));
  writeFileSync(join(crashed, "image/overlay2", ".tmp-repositories.json123"), "{");
  await using next = await open(crashed);
  assert.equal(existsSync(join(crashed, "overlay2", begun.cacheId)), false);
  assert.equal(existsSync(join(crashed, "overlay2", child.cacheId)), false);
  assert.ok(existsSync(join(crashed, "overlay2", "somebody-elses")));
  rmSync(join(crashed, "overlay2", "somebody-elses"), { recursive: true });
  await next[Symbol.asyncDispose]();
  expectSound(crashed);
});

test("a leftover of a removal never takes a live layer's directory along", async () => {
  using work = scratch("layers", 0);
  const root = work.join("root");
  let store = await open(root);
  const { chain } = addImage(store, ["a"], { names: ["x"] });
  const gone = addLayer(store, "gone", null);
  const { cacheId } = store.layers.get(gone) as { cacheId: string };
  await store[Symbol.asyncDispose]();
  const layers = join(root, "image/overlay2/layerdb/sha256");
  const suffix = `${"f".repeat(64)}-removing`;
  renameSync(join(layers, hexOf(gone)), join(layers, `${hexOf(gone)}-${suffix}`));
  cpSync(join(layers, hexOf(chain[0] as ChainId)), join(layers, `${"0".repeat(64)}-${suffix}`), { recursive: true });
  store = await open(root);
  await store[Symbol.asyncDispose]();
  assert.equal(existsSync(join(root, "overlay2", cacheId)), false);
  expectSound(root);
});

test("reading creates, changes and locks nothing", async () => {
  using work = scratch("layers", 0);
  await using absent = await open(work.join("absent"), "read");
  assert.equal(absent.kind, "absent");
  assert.deepEqual(absent.layers.list(), { layers: [], warnings: [] });
  assert.equal(existsSync(work.join("absent")), false);
  await assert.rejects(openStore({ root: work.join("absent"), driver: null, mustExist: true }), { code: "NOT_FOUND" });
});
