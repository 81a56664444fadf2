import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { it } from "node:test";
import { setImmediate } from "node:timers/promises";
import * as api from "../src/index.js";
import { archive, dockerArchive, image } from "./support/image-builder.js";
import { samples } from "./support/sample-images.js";
import { file, layer } from "./support/tar-builder.js";
import { scratch } from "./support/tmp.js";

it("the public API brings an archive into a root and answers for it, without the command line", async () => {
  using dir = scratch("api", 0);
  const { appTar, app } = samples(dir);
  await using store = await api.openStore({ root: dir.join("root"), driver: null }, "write");
  const { source, name } = await api.openSource(appTar);
  await using opened = source;
  const images = await opened.images({ name, platform: null });
  const ended: string[] = [];
  const result = await api.pull(store, images, {
    tags: ["mine:1"],
    expect: null,
    strict: true,
    jobs: 2,
    progress: { waiting() {}, working() {}, finished: (_, outcome) => ended.push(outcome) },
  });
  assert.deepEqual(
    result.images.map(({ id }) => id),
    [app.id],
  );
  assert.deepEqual(ended, ["extracted", "extracted"]);
  const id = api.resolveImage(store, "mine:1");
  assert.deepEqual(
    api.imageChain(store, id).layers.map(({ chainId }) => chainId),
    api.chainIdsOf(images[0]?.config.diffIds ?? []),
  );
  await using verifier = new api.StoredVerifier(store, { jobs: 1 });
  assert.equal((await verifier.verify(id)).ok, true);
});

it("the public API answers the questions about a root, from one archive too", async () => {
  using dir = scratch("api-questions", 0);
  const { appTar, app } = samples(dir);
  const root = dir.join("root");
  const { source, name } = await api.openSource(appTar);
  await using opened = source;
  const images = await opened.images({ name, platform: null });
  {
    await using writer = await api.openStore({ root, driver: null }, "write");
    await api.pull(writer, images, { tags: ["mine:1"], expect: null, strict: true, jobs: 1 });
  }
  await using store = await api.openStore({ root, driver: null });
  const report = await api.fsck(store, { deep: true, jobs: 1 });
  assert.deepEqual([report.ok, report.checked.images, report.problems], [true, 1, []]);
  assert.equal((await api.fsckRepair({ root, driver: null }, { deep: false, jobs: 1 })).report.ok, true);
  const { owners } = api.findOwners(store, ["mine:1"]);
  assert.deepEqual([...new Set(owners.flatMap((owner) => owner.images.map(({ id }) => id)))], [app.id]);
  assert.equal(api.rootUse(store).use.images[0]?.id, app.id);
  assert.deepEqual(new api.Timeline(store, null).warnings, []);
  const { layers } = api.listStored(store, api.resolveImage(store, "mine:1"));
  const listed = await api.listSource(images[0] as api.SourceImage, { jobs: 1 });
  assert.deepEqual(api.wasteOf(layers), api.wasteOf(listed));
  using rootfs = api.openRootfs(store, "mine:1");
  const [first] = [...api.listFiles(rootfs.union, rootfs.layers, "/")];
  assert.equal(first?.path, "/");
  const found = api.which(rootfs.union, rootfs.layers, (layer) => api.openSingleLayer(store, layer), "/");
  assert.equal(found.exists, true);
});

it("the public API has done with a source when the list of its layers is refused, so that it can be closed", async () => {
  using dir = scratch("api-refused", 0);
  const large = layer(file("large", Buffer.alloc(2_000_000)));
  const broken = Buffer.concat([Buffer.alloc(1024, 1), large]);
  writeFileSync(dir.join("broken.tar"), archive(dockerArchive([image({ layers: [broken, ...Array(6).fill(large)] })])));
  const { source, name } = await api.openSource(dir.join("broken.tar"));
  let closed = false;
  const late: string[] = [];
  const progress = {
    waiting() {},
    working() {},
    finished: (key: string) => void (closed && late.push(key)),
  };
  {
    await using opened = source;
    const [only] = await opened.images({ name, platform: null });
    const layers = (only as api.SourceImage).layers.map((one) => ({
      ...one,
      open: () => (closed ? assert.fail("opened too late") : one.open()),
    }));
    const listing = api.listSource({ ...(only as api.SourceImage), layers }, { jobs: 2, progress });
    await assert.rejects(listing, { code: "BAD_TAR" });
    closed = true;
  }
  await setImmediate();
  assert.deepEqual(late, []);
});

it("names what it exports by hand: a new export is a decision", () => {
  assert.deepEqual(Object.keys(api).sort(), [
    "FSCK_CODES",
    "OvlError",
    "StoredVerifier",
    "Timeline",
    "chainIdOf",
    "chainIdsOf",
    "changesFrom",
    "commitContainer",
    "configChain",
    "configHistory",
    "containerChanges",
    "copyEnd",
    "copyIn",
    "copyOut",
    "createContainer",
    "eventLine",
    "familiarString",
    "fileLine",
    "findContainer",
    "findOwners",
    "formatPlatform",
    "fsck",
    "fsckRepair",
    "fullString",
    "hostPlatform",
    "imageChain",
    "imageHistory",
    "imageIdOf",
    "inspectConfig",
    "inspectContainer",
    "inspectImage",
    "isChainId",
    "isDiffId",
    "isDigest",
    "isImageId",
    "listContainers",
    "listFiles",
    "listImages",
    "listMounts",
    "listSource",
    "listStored",
    "lowerDirOption",
    "mountContainer",
    "mountImage",
    "mountsOf",
    "openRootfs",
    "openSingleLayer",
    "openSource",
    "openStore",
    "parseImageConfig",
    "parsePlatform",
    "parseReference",
    "pruneImages",
    "pull",
    "removeContainers",
    "removeImages",
    "resolveContainer",
    "resolveImage",
    "rootInfo",
    "rootUse",
    "tagImage",
    "unmountAll",
    "verifySource",
    "wasteOf",
    "which",
  ]);
});
