import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createContainer } from "../../src/container/create.js";
import { NewContainer } from "../../src/container/new-container.js";
import { resolveContainer } from "../../src/store/resolve-container.js";
import { openStore, type Store } from "../../src/store/store.js";
import { addImage } from "../store/build.js";
import { expectSound } from "../support/expect-sound.js";
import { scratch } from "../support/tmp.js";
import { addContentImage, NOTHING, RUN, rootWithImage, withName } from "./build.js";

function everythingIn(store: Store): string[] {
  return readdirSync(store.root, { recursive: true, encoding: "utf8" }).sort();
}

test("a container is a pair of layers, an entry in layerdb and two documents", async () => {
  using work = scratch("create", 0);
  await using store = await rootWithImage(work);
  const { id, name, warnings } = await createContainer(store, "app:1", withName("web"));
  assert.deepEqual([name, warnings], ["web", []]);
  const { mount, imageId, config, running } = resolveContainer(store, "web");
  assert.equal(running, false);
  assert.equal(imageId, store.images.ids()[0]);
  assert.equal(mount?.initId, `${mount?.mountId}-init`);
  assert.equal(store.driver.lowerDirs(mount?.mountId as NonNullable<typeof mount>["mountId"] & string).length, 3);
  assert.deepEqual([config["Path"], config["Args"], config["Name"]], ["/bin/sh", ["-c", "sleep 1"], "/web"]);
  assert.deepEqual(readdirSync(join(store.root, "containers", id)).sort(), [
    "checkpoints",
    "config.v2.json",
    "hostconfig.json",
  ]);
  expectSound(store.root);
});

test("an image without layers has containers, too", async () => {
  using work = scratch("create", 0);
  await using store = await openStore({ root: work.join("root"), driver: null }, "write");
  addImage(store, [], { names: ["none:1"], config: RUN });
  const { id } = await createContainer(store, "none:1", NOTHING);
  const { mount } = resolveContainer(store, id);
  assert.equal(mount?.parent, null);
  expectSound(store.root);
});

test("each name is given once", async () => {
  using work = scratch("create", 0);
  await using store = await rootWithImage(work);
  const first = await createContainer(store, "app:1", withName("web"));
  const before = everythingIn(store);
  await assert.rejects(createContainer(store, "app:1", withName("/web")), {
    code: "IN_USE",
    message: new RegExp(`the name web is already in use by container ${first.id}`),
  });
  assert.deepEqual(everythingIn(store), before);
  const names = new Set<string>();
  for (let i = 0; i < 5; i++) names.add((await createContainer(store, "app:1", NOTHING)).name);
  assert.equal(names.size, 5);
  expectSound(store.root);
});

test("what fails leaves the root as it was", async () => {
  using work = scratch("create", 0);
  await using store = await rootWithImage(work);
  addContentImage(store, "odd:1", { file: "x", loop: { link: "loop" } });
  addContentImage(store, "vol:1", { file: "x" }, { config: { Cmd: ["x"], Volumes: { "/file": {} } } });
  const before = everythingIn(store);
  for (const [image, options, code] of [
    ["absent:1", {}, "NOT_FOUND"],
    ["app:1", { name: "x" }, "USAGE"],
    ["app:1", { workingDir: "relative" }, "USAGE"],
    ["app:1", { entrypoint: "" }, "USAGE"],
    ["odd:1", { workingDir: "/file" }, "BAD_CONFIG"],
    ["odd:1", { workingDir: "/file/below" }, "BAD_CONFIG"],
    ["odd:1", { workingDir: "/loop" }, "NOT_FOUND"],
    ["vol:1", {}, "BAD_CONFIG"],
  ] as const) {
    await assert.rejects(createContainer(store, image, { ...NOTHING, ...options }), { code }, `${image} ${code}`);
  }
  // What stays is of no container: parents of all of them, and the mark that dockerd leaves on an image's layer, too.
  const parents = ["containers", "image/overlay2/layerdb/mounts", "image/overlay2/layerdb/tmp"];
  const kept = (path: string) => !parents.includes(path) && !path.endsWith("/committed");
  assert.deepEqual(everythingIn(store).filter(kept), before.filter(kept));
  expectSound(store.root);
});

test("a damaged image has no containers", async () => {
  using work = scratch("create", 0);
  await using store = await rootWithImage(work);
  const [layer] = store.layers.list().layers;
  rmSync(join(store.layers.dir(layer?.chainId as NonNullable<typeof layer>["chainId"]), "cache-id"));
  await using reader = await openStore({ root: store.root, driver: null });
  await assert.rejects(createContainer(reader, "app:1", NOTHING), {
    code: "BAD_ROOT",
    message: /has no file cache-id/,
  });
});

test("what a killed ovl left of a container goes with the next writer", async () => {
  using work = scratch("create", 0);
  const store = await rootWithImage(work);
  await createContainer(store, "app:1", withName("kept"));
  const top = store.layers.list().layers.at(-1) ?? null;
  const id = "e".repeat(64);
  // Never disposed: as a killed process would leave it at its last step.
  const container = new NewContainer(store, id, top);
  store.driver.create(container.initId, top?.cacheId ?? null);
  store.driver.create(container.mountId, container.initId);
  const volume = "f".repeat(64);
  const config = { Driver: "overlay2", MountPoints: { "/v": { Type: "volume", Driver: "local", Name: volume } } };
  container.writeDocuments("{}\n", `${JSON.stringify(config)}\n`);
  mkdirSync(join(store.root, "volumes", volume, "_data"), { recursive: true });
  mkdirSync(join(store.root, "volumes", "somebody's"));
  await store[Symbol.asyncDispose]();
  assert.throws(() => expectSound(store.root));

  await using next = await openStore({ root: store.root, driver: null }, "write");
  assert.equal(next.users.containers.length, 1);
  assert.deepEqual(readdirSync(join(next.root, "volumes")), ["somebody's"]);
  expectSound(next.root);
});

test("a missing working directory is made in the container's own layer, through the image's symlinks", async () => {
  using work = scratch("create", 0);
  await using store = await openStore({ root: work.join("root"), driver: null }, "write");
  addContentImage(store, "app:1", {
    srv: { dir: 0o750 },
    "srv/data": { dir: 0o701 },
    app: { link: "/srv/data" },
    broken: { link: "srv/made" },
  });
  for (const [workingDir, made] of [
    ["/app/deep/er", { srv: 0o750, "srv/data": 0o701, "srv/data/deep": 0o755, "srv/data/deep/er": 0o755 }],
    ["/broken", { srv: 0o750, "srv/made": 0o755 }],
    ["/app", {}],
    ["/", {}],
    ["/new", { new: 0o755 }],
  ] as const) {
    const { id } = await createContainer(store, "app:1", { ...NOTHING, workingDir });
    const { mount } = resolveContainer(store, id);
    const dir = store.driver.contentDir(mount?.mountId as NonNullable<typeof mount>["mountId"] & string);
    const found = readdirSync(dir, { recursive: true, encoding: "utf8" });
    const modes = Object.fromEntries(found.map((path) => [path, lstatSync(join(dir, path)).mode & 0o7777]));
    assert.deepEqual(modes, made, workingDir);
  }
  expectSound(store.root);
});

test("volumes of the image are made and hold what the image has in their place", async () => {
  using work = scratch("create", 0);
  await using store = await openStore({ root: work.join("root"), driver: null }, "write");
  const content = { data: { dir: 0o1777 }, "data/sub": { dir: 0o700 }, "data/sub/file": "x", to: { link: "data/sub" } };
  const config = { config: { Cmd: ["x"], Volumes: { "/data/": {}, "/to": {}, "/new/place": {} } } };
  addContentImage(store, "db:1", content, config);
  const { id } = await createContainer(store, "db:1", NOTHING);
  const points = resolveContainer(store, id).config["MountPoints"] as Record<string, { Name: string }>;
  assert.deepEqual(Object.keys(points), ["/data", "/new/place", "/to"]);
  const dataOf = (destination: string) => join(store.root, "volumes", points[destination]?.Name ?? "", "_data");
  assert.equal(lstatSync(dataOf("/data")).mode & 0o7777, 0o1777);
  assert.equal(readFileSync(join(dataOf("/data"), "sub", "file"), "utf8"), "x");
  assert.deepEqual(readdirSync(dataOf("/to")), ["file"]);
  assert.equal(lstatSync(dataOf("/to")).mode & 0o7777, 0o700);
  assert.deepEqual(readdirSync(dataOf("/new/place")), []);
  assert.equal(lstatSync(join(store.root, "volumes")).mode & 0o7777, 0o701);
  writeFileSync(join(dataOf("/data"), "sub", "file"), "changed");
  assert.ok(existsSync(store.root));
  expectSound(store.root);
});

test("a volume that the image has without a leading slash keeps that name, and lies where it does with one", async () => {
  using work = scratch("create", 0);
  await using store = await openStore({ root: work.join("root"), driver: null }, "write");
  const config = { config: { Cmd: ["x"], Volumes: { "rel//x/": {}, "./rel/x": {}, "/a/../b": {} } } };
  addContentImage(store, "db:1", { rel: { dir: 0o755 }, "rel/x": { dir: 0o755 }, "rel/x/file": "x" }, config);
  const { id } = await createContainer(store, "db:1", NOTHING);
  const points = resolveContainer(store, id).config["MountPoints"] as Record<string, Record<string, string>>;
  assert.deepEqual(
    Object.entries(points).map(([key, point]) => [key, point["Destination"]]),
    [
      ["/b", "/b"],
      ["rel/x", "rel/x"],
    ],
  );
  assert.deepEqual(readdirSync(join(store.root, "volumes", points["rel/x"]?.["Name"] ?? "", "_data")), ["file"]);
  expectSound(store.root);
});

test("an image for another machine is told", async () => {
  using work = scratch("create", 0);
  await using store = await rootWithImage(work, { ...RUN, architecture: "s390x" });
  const { warnings } = await createContainer(store, "app:1", NOTHING);
  assert.match(warnings[0]?.message ?? "", /image app:1 is for linux\/s390x, this machine is linux\//);
});
