/** Every way in which people name a directory of a root leads to whose it is. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { rootUse } from "../../src/audit/du.js";
import { findOwners, type Owner } from "../../src/audit/owner.js";
import { openStore } from "../../src/store/store.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { buildRoot, examine, type FsckRoot } from "./root.js";

let work: Scratch;
let root: FsckRoot;
before(async () => {
  work = scratch("owner", 0);
  await buildRoot(work.join("root"));
  root = await examine(work.join("root"));
});
after(() => work[Symbol.dispose]());

async function owners(...queries: string[]): Promise<readonly Owner[]> {
  await using store = await openStore({ root: root.path, driver: null });
  const found = findOwners(store, queries);
  if (found.missing !== null) throw found.missing;
  return found.owners;
}

async function one(query: string): Promise<Owner> {
  const found = await owners(query);
  assert.equal(found.length, 1, `${query}: ${JSON.stringify(found)}`);
  return found[0] as Owner;
}

const rw = () => root.rw.slice(root.overlay2.length + 1);

describe("owner of an image's layer", () => {
  const WAYS: readonly (readonly [string, () => string])[] = [
    ["its directory", () => root.layer.dir],
    ["a path in it", () => `${root.layer.dir}/diff/etc/a file, with blanks`],
    ["a path where the root was before", () => `/var/lib/docker/overlay2/${root.layer.cacheId}/diff/x`],
    ["a path relative to the driver's directory", () => `${root.layer.cacheId}/diff/x`],
    ["its cache id", () => root.layer.cacheId],
    ["the beginning of its cache id", () => root.layer.cacheId.slice(0, 12)],
    ["its short name", () => root.layer.link],
    ["the beginning of its short name", () => root.layer.link.slice(0, 8)],
    ["a path by its short name", () => `/var/lib/docker/overlay2/l/${root.layer.link}/bin`],
    ["its ChainID", () => root.layer.chainId],
    ["its ChainID without the algorithm", () => root.layer.chainId.slice(7)],
    ["the beginning of its ChainID", () => root.layer.chainId.slice(7, 19)],
    ["its entry in layerdb", () => `${root.layer.db}/cache-id`],
    ["a line of du", () => `335M\t/var/lib/docker/overlay2/${root.layer.cacheId}/diff`],
    ["a read-only mount", () => `overlay on /mnt type overlay (ro,lowerdir=${root.layer.dir}/diff:/x/overlay2/l/ABC)`],
    ["a read-only mount by short names", () => `overlay /mnt overlay ro,lowerdir=l/${root.layer.link}:l/ABC 0 0`],
  ];
  for (const [title, query] of WAYS) {
    it(`by ${title}`, async () => {
      const found = await one(query());
      assert.equal(found.query, query());
      assert.equal(found.kind, "image-layer");
      assert.equal(found.chainId, root.layer.chainId);
      assert.equal(found.cacheId, root.layer.cacheId);
      assert.equal(found.dir, root.layer.dir);
      assert.match(found.diffId ?? "", /^sha256:[0-9a-f]{64}$/);
      assert.deepEqual(found.images.flatMap(({ names }) => names).sort(), ["child:1", "fsck/app:1", "fsck/app:2"]);
      assert.deepEqual(found.containers, [{ id: root.container, name: "web" }]);
    });
  }

  it("by its diff_id, which several layers may have", async () => {
    const { diffId } = await one(root.base.chainId);
    assert.deepEqual(
      (await owners(diffId ?? "")).map(({ chainId }) => chainId),
      [root.base.chainId],
    );
    assert.equal((await one(root.base.cacheId)).images.length, 3);
  });

  it("by the image: all its layers, bottom to top", async () => {
    for (const query of [root.imageId, root.imageId.slice(7, 19), "fsck/app:2", "docker.io/fsck/app:1"]) {
      const chain = (await owners(query)).map(({ chainId }) => chainId);
      assert.deepEqual(
        chain,
        root.layers.map(({ chainId }) => chainId),
        query,
      );
    }
  });
});

describe("owner of a container's layers", () => {
  const WAYS: readonly (readonly [string, () => string])[] = [
    ["its mount point, as df has it", () => `overlay  50G 20G 30G 40% /var/lib/docker/overlay2/${rw()}/merged`],
    ["what lies in its view", () => `/var/lib/docker/overlay2/${rw()}/merged/var/lib/docker/overlay2/x`],
    [
      "a line of /proc/mounts",
      () =>
        `overlay /var/lib/docker/overlay2/${rw()}/merged overlay rw,relatime,lowerdir=/var/lib/docker/overlay2/l/${root.layer.link}:/var/lib/docker/overlay2/l/ABC,upperdir=/var/lib/docker/overlay2/${rw()}/diff,workdir=/var/lib/docker/overlay2/${rw()}/work 0 0`,
    ],
    ["a long line, with relative paths", () => `overlay /x\\040y overlay rw,lowerdir=l/ABC,upperdir=${rw()}/diff 0 0`],
  ];
  for (const [title, query] of WAYS) {
    it(`by ${title}`, async () => {
      const found = await one(query());
      assert.deepEqual([found.kind, found.cacheId, found.dir], ["container", rw(), root.rw]);
      assert.deepEqual([found.chainId, found.diffId], [null, null]);
      assert.deepEqual(found.containers, [{ id: root.container, name: "web" }]);
      assert.deepEqual(
        found.images.map(({ id }) => id),
        [root.imageId],
      );
    });
  }

  it("by its id, its name, its log file: the read-write and the init layer", async () => {
    const log = `/var/lib/docker/containers/${root.container}/${root.container}-json.log`;
    for (const query of [root.container, root.container.slice(0, 12), "web", "/web", log, root.mount]) {
      const kinds = (await owners(query)).map(({ kind, cacheId }) => [kind, cacheId]);
      assert.deepEqual(
        kinds,
        [
          ["container", rw()],
          ["container-init", `${rw()}-init`],
        ],
        query,
      );
    }
  });

  it("by its init layer", async () => {
    assert.equal((await one(`${root.init}/diff`)).kind, "container-init");
    assert.equal((await owners(rw())).length, 1);
  });
});

describe("owner of what has none", () => {
  it("calls a directory that nothing names an orphan", async () => {
    const orphan = "0".repeat(64);
    mkdirSync(join(root.overlay2, orphan, "diff"), { recursive: true });
    const found = await one(`${root.overlay2}/${orphan}/diff`);
    assert.deepEqual([found.kind, found.cacheId, found.images], ["orphan", orphan, []]);
    rmSync(join(root.overlay2, orphan), { recursive: true });
  });

  it("does not call an orphan what BuildKit may own", async () => {
    const cached = "abcdefghijklmnopqrstuvwxy";
    mkdirSync(join(root.overlay2, cached, "diff"), { recursive: true });
    mkdirSync(join(root.path, "buildkit"));
    const found = await one(cached);
    assert.deepEqual([found.kind, found.chainId, found.images], ["build-cache", null, []]);
    for (const path of [join(root.overlay2, cached), join(root.path, "buildkit")]) rmSync(path, { recursive: true });
  });

  it("answers the rest, and names the first query that nothing answers", async () => {
    await using store = await openStore({ root: root.path, driver: null });
    const found = findOwners(store, ["web", "nobody", "/var/lib/docker/overlay2/ffff/diff", root.layer.link]);
    assert.equal(found.owners.length, 3);
    assert.equal(found.missing?.code, "NOT_FOUND");
    assert.equal(found.missing?.fields["query"], "nobody");
  });
});

describe("owner in a damaged root", () => {
  it("knows a layer whose cache-id is lost by the layer that stands on it", async () => {
    const file = join(root.layer.db, "cache-id");
    rmSync(file);
    const found = await one(root.layer.dir);
    assert.deepEqual([found.kind, found.chainId], ["image-layer", root.layer.chainId]);
    writeFileSync(file, root.layer.cacheId);
  });

  it("knows a container's layers without its config, and the image by its layer", async () => {
    const saved = `${root.config}.saved`;
    renameSync(root.config, saved);
    const found = await one(root.rw);
    assert.deepEqual([found.kind, found.containers], ["container", [{ id: root.container, name: "" }]]);
    assert.deepEqual(
      found.images.map(({ id }) => id),
      [root.imageId],
    );
    renameSync(saved, root.config);
  });

  it("gives no directory to one of several containers without a proof, and the only one to the only one", async () => {
    const image = join(root.path, "image");
    renameSync(image, `${image}.saved`);
    mkdirSync(image);
    const kinds = (found: readonly Owner[]) => found.map(({ kind, dir, containers }) => [kind, dir, containers.length]);
    assert.deepEqual(kinds(await owners("web")), [["container", root.rw, 1]]);

    // Of a container that was removed by hand: its layers may be those of the other one.
    const other = "e".repeat(64);
    for (const name of [other, `${other}-init`]) cpSync(`${root.init}`, join(root.overlay2, name), { recursive: true });
    writeFileSync(join(root.overlay2, `${other}-init`, "link"), "E".repeat(26));
    assert.deepEqual(kinds(await owners("web")), [["container", null, 1]]);
    assert.deepEqual(kinds(await owners(root.rw, `${other}-init`)), [
      ["container", root.rw, 0],
      ["container-init", join(root.overlay2, `${other}-init`), 0],
    ]);
    await using store = await openStore({ root: root.path, driver: "overlay2" });
    const { use } = rootUse(store);
    assert.equal(use.unclaimed.count, 4);
    assert.deepEqual(
      use.containers.map(({ name, size }) => [name, size]),
      [["web", 0]],
    );
    const own = use.layers.size + use.unused.size + use.unclaimed.size + use.buildCache.size + use.orphans.size;
    assert.equal(own + use.other, use.total);

    for (const name of [other, `${other}-init`]) rmSync(join(root.overlay2, name), { recursive: true });
    rmSync(image, { recursive: true });
    renameSync(`${image}.saved`, image);
  });
});
