import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, it } from "node:test";
import { createContainer } from "../../src/container/create.js";
import { type ChainId, hexOf } from "../../src/model/digest.js";
import { resolveImage } from "../../src/store/resolve.js";
import { openStore } from "../../src/store/store.js";
import { tagImage } from "../../src/store/tag.js";
import { rootWithImage, withName } from "../container/build.js";
import { expectSound } from "../support/expect-sound.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { readTree } from "../support/tree.js";

const NOBODY = "0".repeat(64);

/** What a root may claim to be left over, though a listed container has it. */
const CLAIMS: Readonly<Record<string, (mount: string, tmp: string, id: string) => void>> = {
  "a container that was never finished": (mount, tmp, id) => copy(mount, join(tmp, `container-${id}`)),
  "a container on its way out": (mount, tmp, id) => copy(mount, join(tmp, `removed-${id}`)),
  "what another container left": (mount, tmp) => copy(mount, join(tmp, `container-${NOBODY}`)),
  "what a removed container left": (mount, tmp) => copy(mount, join(tmp, `removed-${NOBODY}`)),
  "the directory of a layer that was never finished": (mount, tmp) => {
    mkdirSync(join(tmp, "write-set-1"));
    copy(join(mount, "mount-id"), join(tmp, "write-set-1", "cache-id"));
  },
  "short names of a layer that was never finished": (_, tmp) => {
    mkdirSync(join(tmp, "write-set-1"));
    writeFileSync(join(tmp, "write-set-1", "cache-id"), "l");
  },
};

describe("the next writer takes nothing from a listed container, though the root calls it", () => {
  for (const [title, claim] of Object.entries(CLAIMS)) {
    it(title, async () => {
      using work = scratch("leftovers", 0);
      const root = work.join("root");
      const { id, layerDb } = await rootWithContainer();
      const before = readTree(root);
      claim(join(layerDb, "mounts", id), join(layerDb, "tmp"), id);
      await using _store = await openStore({ root, driver: null }, "write");
      const after = readTree(root);
      assert.deepEqual([...after.keys()], [...before.keys()]);
      assert.ok(existsSync(join(root, "containers", id, "config.v2.json")));
      expectSound(root);

      async function rootWithContainer() {
        await using store = await rootWithImage(work);
        const { id } = await createContainer(store, "app:1", withName("web"));
        return { id, layerDb: store.layers.path };
      }
    });
  }
});

describe("no symlink leads a writer out of the root", () => {
  const elsewhere = (work: Scratch) => {
    const dir = work.dir("elsewhere");
    mkdirSync(join(dir, NOBODY, "_data"), { recursive: true });
    mkdirSync(join(dir, "write-set-1"));
    writeFileSync(join(dir, NOBODY, "_data", "file"), "x");
    return dir;
  };

  it("to volumes of a container that was never listed", async () => {
    using work = scratch("leftovers", 0);
    const root = work.join("root");
    const outside = elsewhere(work);
    {
      await using store = await rootWithImage(work);
      const id = "1".repeat(64);
      mkdirSync(join(store.layers.path, "tmp", `container-${id}`), { recursive: true });
      mkdirSync(join(root, "containers", id), { recursive: true });
      const point = { Type: "volume", Name: NOBODY, Driver: "local", Destination: "/v" };
      const config = { ID: id, MountPoints: { "/v": point } };
      writeFileSync(join(root, "containers", id, "config.v2.json"), JSON.stringify(config));
      symlinkSync(outside, join(root, "volumes"));
    }
    const before = readTree(outside);
    await using _store = await openStore({ root, driver: null }, "write");
    assert.deepEqual(readTree(outside), before);
    assert.equal(existsSync(join(root, "containers", "1".repeat(64))), false);
  });

  it("to volumes of a new container", async () => {
    using work = scratch("leftovers", 0);
    const outside = elsewhere(work);
    await using store = await rootWithImage(work, { config: { Cmd: ["sh"], Volumes: { "/v": {} } } });
    symlinkSync(outside, join(store.root, "volumes"));
    const before = readTree(outside);
    await assert.rejects(createContainer(store, "app:1", withName("web")), { code: "BAD_ROOT" });
    assert.deepEqual(readTree(outside), before);
  });

  for (const name of ["layerdb/tmp", "distribution"]) {
    it(`to ${name}`, async () => {
      using work = scratch("leftovers", 0);
      const root = work.join("root");
      const outside = elsewhere(work);
      {
        await using store = await rootWithImage(work);
        rmSync(join(store.imagePath, name), { recursive: true, force: true });
        symlinkSync(outside, join(store.imagePath, name));
      }
      const before = readTree(outside);
      await assert.rejects(openStore({ root, driver: null }, "write"), { code: "BAD_ROOT" });
      assert.deepEqual(readTree(outside), before);
    });
  }

  it("to the notes of an image", async () => {
    using work = scratch("leftovers", 0);
    const outside = elsewhere(work);
    await using store = await rootWithImage(work);
    const id = resolveImage(store, "app:1");
    mkdirSync(join(store.imagePath, "imagedb/metadata/sha256"), { recursive: true });
    symlinkSync(outside, join(store.imagePath, "imagedb/metadata/sha256", hexOf(id)));
    const before = readTree(outside);
    assert.throws(() => tagImage(store, id, "new:1"), { code: "BAD_ROOT" });
    store.images.restoreLastUpdated(id, null);
    assert.deepEqual(readTree(outside), before);
  });
});

it("nothing is nobody's where a layer's cache-id cannot be read", async () => {
  using work = scratch("leftovers", 0);
  const root = work.join("root");
  const left = "2".repeat(64);
  {
    await using store = await rootWithImage(work);
    const [layer] = store.layers.list().layers;
    const cacheId = join(store.layers.dir(layer?.chainId as ChainId), "cache-id");
    rmSync(cacheId);
    symlinkSync("nowhere", cacheId);
    mkdirSync(join(store.layers.path, "tmp", "write-set-1"), { recursive: true });
    writeFileSync(join(store.layers.path, "tmp", "write-set-1", "cache-id"), left);
    mkdirSync(join(root, "overlay2", left, "diff"), { recursive: true });
  }
  await using _store = await openStore({ root, driver: null }, "write");
  assert.ok(existsSync(join(root, "overlay2", left, "diff")));
});

for (const [what, make] of [
  ["a file", (path: string) => writeFileSync(path, "")],
  ["a directory with something in it", (path: string) => mkdirSync(join(path, "x"), { recursive: true })],
] as const) {
  it(`${what} in the place of an image's mark keeps nobody from writing`, async () => {
    using work = scratch("leftovers", 0);
    const root = work.join("root");
    {
      await using store = await rootWithImage(work);
      make(join(store.layers.path, "tmp", `image-${NOBODY}`));
    }
    await using store = await openStore({ root, driver: null }, "write");
    assert.equal(resolveImage(store, "app:1").length, 71);
  });
}

it("a directory with a name that neither dockerd nor ovl gives is nobody's leftover", async () => {
  using work = scratch("leftovers", 0);
  const root = work.join("root");
  const buildKits = join(root, "overlay2", "a1b2c3d4e5f6g7h8i9j0k1l2m");
  {
    await using store = await rootWithImage(work);
    mkdirSync(join(store.layers.path, "tmp", "write-set-1"), { recursive: true });
    writeFileSync(join(store.layers.path, "tmp", "write-set-1", "cache-id"), basename(buildKits));
    mkdirSync(join(buildKits, "diff"), { recursive: true });
  }
  await using store = await openStore({ root, driver: null }, "write");
  assert.ok(existsSync(join(buildKits, "diff")));
  assert.equal(existsSync(join(store.layers.path, "tmp", "write-set-1")), false);
});

function copy(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
}
