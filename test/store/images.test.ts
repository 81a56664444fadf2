import assert from "node:assert/strict";
import { appendFileSync, existsSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type ChainId, hexOf, type ImageId } from "../../src/model/digest.js";
import { configChain, imageChain, lowerDirOption } from "../../src/store/chain.js";
import { configHistory, imageHistory } from "../../src/store/history.js";
import { listImages } from "../../src/store/images.js";
import { rootInfo } from "../../src/store/info.js";
import { inspectImage } from "../../src/store/inspect.js";
import type { Layer } from "../../src/store/layerdb.js";
import { resolveImage } from "../../src/store/resolve.js";
import { openStore, type Store } from "../../src/store/store.js";
import { readImage } from "../../src/store/stored-image.js";
import { scratch } from "../support/tmp.js";
import { addImage } from "./build.js";

const open = (root: string, access: "read" | "write" = "write") => openStore({ root, driver: null }, access);

test("an image is found by its id, its names, then the beginning of its id", async () => {
  using work = scratch("images", 0);
  await using store = await open(work.join("root"));
  const a = addImage(store, ["a"], { names: ["app:1", "localhost:5000/app"] }).id;
  const b = addImage(store, ["b"], { names: [hexOf(a).slice(0, 8)] }).id;
  assert.equal(resolveImage(store, a), a);
  assert.equal(resolveImage(store, hexOf(a)), a);
  for (const name of ["app:1", "docker.io/library/app:1", "localhost:5000/app", hexOf(a).slice(0, 20)]) {
    assert.equal(resolveImage(store, name), a, name);
  }
  assert.equal(resolveImage(store, `sha256:${hexOf(a).slice(0, 8)}`), a);
  assert.equal(resolveImage(store, hexOf(a).slice(0, 8)), b, "a name comes before the beginning of an id");
  for (const name of ["app", "app:2", "sha256:0000", "f".repeat(64), "absent"]) {
    assert.throws(() => resolveImage(store, name), { code: "NOT_FOUND" }, name);
  }
  for (const name of ["App", "", "a b", "x:"]) assert.throws(() => resolveImage(store, name), { code: "USAGE" }, name);
});

test("the beginning of two ids is ambiguous, and both are told", async () => {
  using work = scratch("images", 0);
  await using store = await open(work.join("root"));
  const byStart = new Map<string, ImageId[]>();
  let both: ImageId[] = [];
  for (let i = 0; both.length < 2; i++) {
    const { id } = addImage(store, [], { config: { author: `${i}` } });
    const start = hexOf(id).slice(0, 1);
    both = [...(byStart.get(start) ?? []), id];
    byStart.set(start, both);
  }
  const [id, other] = both as [ImageId, ImageId];
  assert.throws(
    () => resolveImage(store, hexOf(id).slice(0, 1)),
    (error: { code: string; message: string }) => {
      assert.equal(error.code, "AMBIGUOUS");
      return error.message.includes(id) && error.message.includes(other);
    },
  );
});

test("a chain tells how it is computed and where it lies", async () => {
  using work = scratch("images", 0);
  await using store = await open(work.join("root"));
  const { id, chain } = addImage(store, ["a", "bb"], { names: ["x"] });
  const { layers, warnings } = imageChain(store, id);
  assert.deepEqual(warnings, []);
  assert.deepEqual(
    layers.map(({ chainId }) => chainId),
    chain,
  );
  assert.deepEqual(
    layers.map(({ parent }) => parent),
    [null, chain[0]],
  );
  assert.deepEqual(
    layers.map(({ size }) => size),
    [1, 2],
  );
  for (const { dir, link } of layers) {
    assert.ok(existsSync(join(dir as string, "file")));
    assert.ok(existsSync(join(store.root, "overlay2/l", link as string, "file")));
  }
  assert.equal(lowerDirOption({ imageId: id, layers }), `${layers[1]?.dir}:${layers[0]?.dir}`);
  const alone = configChain(readImage(store, id).config);
  assert.deepEqual(
    alone.layers.map(({ chainId }) => chainId),
    chain,
  );
  assert.deepEqual(
    alone.layers.map(({ dir, size }) => [dir, size]),
    [
      [null, null],
      [null, null],
    ],
  );
});

test("history joins steps with layers, and with the images they ended in", async () => {
  using work = scratch("images", 0);
  await using store = await open(work.join("root"));
  const created = "2020-02-02T02:02:02.5Z";
  const first = [{ created, created_by: "ADD a", comment: "first" }];
  const second = [...first, { created, created_by: "ENV x", empty_layer: true }, { created_by: "ADD bb" }];
  const base = addImage(store, ["a"], { config: { history: first } });
  const top = addImage(store, ["a", "bb"], { config: { history: second }, parent: base.id });
  const { history } = imageHistory(store, top.id);
  assert.deepEqual(
    history.map((step) => [step.createdBy, step.created, step.size, step.emptyLayer, step.chainId, step.imageId]),
    [
      ["ADD bb", null, 2, false, top.chain[1], top.id],
      ["ENV x", created, 0, true, null, base.id],
      ["ADD a", created, 1, false, top.chain[0], null],
    ],
  );
  const unknown = configHistory(readImage(store, top.id).config, [], [top.id]);
  assert.deepEqual(
    unknown.map(({ size }) => size),
    [null, 0, null],
  );
});

/** One thing broken in a root of the images `whole`, `broken` (on `whole`'s layer) and `other`. */
const DAMAGES: readonly (readonly [
  what: string,
  damage: (store: Store, broken: ImageId, top: ChainId) => void,
  lists: boolean,
])[] = [
  ["a config with a changed byte", (store, id) => appendFileSync(configPath(store, id), " "), false],
  ["a config of no bytes", (store, id) => truncateSync(configPath(store, id)), false],
  ["a missing config", (store, id) => rmSync(configPath(store, id)), false],
  ["a layer of no bytes", (store, _, top) => truncateSync(join(store.layers.dir(top), "diff")), false],
  ["a missing layer", (store, _, top) => rmSync(store.layers.dir(top), { recursive: true }), false],
  [
    "a cache-id that leads out",
    (store, _, top) => writeFileSync(join(store.layers.dir(top), "cache-id"), "../../x"),
    false,
  ],
  ["a missing directory", (store, _, top) => rmSync(directory(store, top), { recursive: true }), true],
  ["a missing link", (store, _, top) => rmSync(join(directory(store, top), "link")), true],
  ["an empty lower", (store, _, top) => truncateSync(join(directory(store, top), "lower")), true],
  ["a time that is none", (store, id) => noteTime(store, id), true],
];

const configPath = (store: Store, id: ImageId) => join(store.images.path, "content/sha256", hexOf(id));
const directory = (store: Store, chain: ChainId) => store.driver.dir((store.layers.get(chain) as Layer).cacheId);
const noteTime = (store: Store, id: ImageId) => store.images.setLastUpdated(id, "yesterday");

for (const [what, damage, lists] of DAMAGES) {
  test(`${what} costs its own image at most, and no command its nerve`, async () => {
    using work = scratch("images", 0);
    const root = work.join("root");
    const writer = await open(root);
    addImage(writer, ["a"], { names: ["whole"] });
    const broken = addImage(writer, ["a", "b"], { names: ["broken"], config: { author: "b" } });
    addImage(writer, ["c"], { names: ["other"] });
    damage(writer, broken.id, broken.chain[1] as ChainId);
    await writer[Symbol.asyncDispose]();
    await using store = await open(root, "read");
    const { images, warnings } = listImages(store);
    const names = images.flatMap(({ repoTags }) => repoTags).sort();
    assert.deepEqual(
      names,
      lists ? ["broken:latest", "other:latest", "whole:latest"] : ["other:latest", "whole:latest"],
    );
    if (!lists && what !== "a missing config") assert.equal(warnings[0]?.subject, broken.id);
    rootInfo(store);
    for (const ask of [inspectImage, imageHistory, imageChain]) {
      try {
        assert.ok(Array.isArray(ask(store, broken.id).warnings));
      } catch (error) {
        assert.ok(
          ["NOT_FOUND", "IMAGE_ID_MISMATCH", "BAD_CONFIG"].includes((error as { code: string }).code),
          String(error),
        );
      }
    }
  });
}

test("filters by pattern match names as docker does, and in every spelling", async () => {
  using work = scratch("images", 0);
  await using store = await open(work.join("root"));
  addImage(store, ["a"], { names: ["nginx:1", "nginx:2", "quay.io/team/nginx:1"] });
  const find = (...references: string[]) =>
    listImages(store, { references }).images.flatMap(({ repoTags }) => repoTags);
  assert.deepEqual(find("nginx"), ["nginx:1", "nginx:2"]);
  assert.deepEqual(find("nginx:1"), ["nginx:1"]);
  assert.deepEqual(find("docker.io/library/nginx:1"), ["nginx:1"]);
  assert.deepEqual(find("*"), ["nginx:1", "nginx:2"]);
  assert.deepEqual(find("*/*/nginx"), ["quay.io/team/nginx:1"]);
  assert.deepEqual(find("nginx:[2-9]"), ["nginx:2"]);
  assert.deepEqual(find("nginx:[^2]"), ["nginx:1"]);
  assert.deepEqual(find("ngin\\x:?"), ["nginx:1", "nginx:2"]);
  assert.deepEqual(find("absent"), []);
  for (const pattern of ["[", "[]", "a\\", "[a-"]) assert.throws(() => find(pattern), { code: "USAGE" }, pattern);
});
