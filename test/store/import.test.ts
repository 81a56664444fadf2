import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { importPlan } from "../../src/cli/import-flags.js";
import { OvlError } from "../../src/errors.js";
import type { LayerWarning } from "../../src/layer/job.js";
import { openRootfs } from "../../src/source/rootfs-file.js";
import { importRootfs } from "../../src/store/import.js";
import { openStore } from "../../src/store/store.js";
import { expectSound } from "../support/expect-sound.js";
import { hex, sha256 } from "../support/image-builder.js";
import { dir, file, layer, tar } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { zstd } from "../support/zstd.js";

const rootfs = layer(dir("etc/"), file("etc/passwd", "root:x:0:0\n"), file("big", Buffer.alloc(1_000_000, 7)));
const EPOCH = "1700000000";

describe("import", () => {
  let work: Scratch;
  let root: string;

  before(() => {
    work = scratch("import", 0);
    root = work.join("root");
    process.env["SOURCE_DATE_EPOCH"] = EPOCH;
  });
  after(() => {
    delete process.env["SOURCE_DATE_EPOCH"];
    work[Symbol.dispose]();
  });

  async function imported(
    bytes: Uint8Array,
    name?: string,
    flags: Parameters<typeof importPlan>[1] = {},
  ): Promise<{ id: string; warnings: readonly LayerWarning[] }> {
    writeFileSync(work.join("rootfs"), bytes);
    const plan = importPlan(name, flags);
    using opened = await openRootfs(work.join("rootfs"));
    await using store = await openStore({ root, driver: null }, "write");
    return await importRootfs(store, opened, plan);
  }
  const refused = (...args: Parameters<typeof imported>) =>
    imported(...args).then(
      () => assert.fail("it was imported"),
      (error: OvlError) => error,
    );
  const configOf = (id: string) =>
    JSON.parse(readFileSync(join(root, "image/overlay2/imagedb/content/sha256", hex(id)), "utf8"));

  it("gives the same id for the same tar and time, however it is compressed", async () => {
    const { id } = await imported(rootfs, "app:1");
    for (const bytes of [gzipSync(rootfs), zstd(rootfs)]) assert.equal((await imported(bytes, "app:1")).id, id);
    const config = configOf(id);
    assert.deepEqual(config.rootfs, { type: "layers", diff_ids: [sha256(rootfs)] });
    assert.equal(config.created, "2023-11-14T22:13:20Z");
    assert.deepEqual(config.history, [{ created: config.created, comment: "Imported from -" }]);
    await using store = await openStore({ root, driver: null });
    assert.equal(store.layers.list().layers.length, 1, "the layer is there once");
    expectSound(root);
  });

  it("applies changes, a message and a platform", async () => {
    const { id } = await imported(rootfs, undefined, {
      change: ['CMD ["sh"]', "LABEL 10=a 9=b"],
      message: "from scratch",
      platform: "linux/arm/v6",
    });
    const config = configOf(id);
    assert.deepEqual([config.config.Cmd, config.comment], [["sh"], "from scratch"]);
    assert.deepEqual([config.os, config.architecture, config.variant], ["linux", "arm", "v6"]);
    assert.equal(config.container_config.Cmd, null);
    expectSound(root);
  });

  it("names the image, and moves a name that another one has", async () => {
    const first = await imported(rootfs, "moving");
    const second = await imported(layer(file("other", "x")), "moving:latest");
    await using store = await openStore({ root, driver: null });
    assert.deepEqual(
      store.repositories.of(first.id as never).map(({ path }) => path),
      ["library/app"],
    );
    assert.deepEqual(
      store.repositories.of(second.id as never).map(({ path }) => path),
      ["library/moving"],
    );
    assert.ok(store.images.lastUpdated(second.id as never));
  });

  it("warns of what cannot be given back", async () => {
    const { warnings } = await imported(tar(file("cut", "abc")).subarray(0, 512 + 100));
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ["IRREPRODUCIBLE"],
    );
    expectSound(root);
  });

  it("refuses what is no tar, and leaves nothing of it", async () => {
    const before = readdirSync(join(root, "overlay2"));
    assert.equal((await refused(Buffer.from("this is no tar"))).code, "BAD_TAR");
    assert.equal((await refused(gzipSync(rootfs).subarray(0, 500))).code, "BAD_ARCHIVE");
    assert.equal((await refused(Buffer.from("BZh91AY&SY"))).code, "UNSUPPORTED_MEDIA_TYPE");
    assert.equal((await refused(layer(file("a", "1"), file("a", "2")))).code, "DUPLICATE_PATH");
    assert.deepEqual(readdirSync(join(root, "overlay2")), before);
    expectSound(root);
  });

  it("refuses names, changes, platforms and times before anything is read", async () => {
    const wrong: readonly (readonly [string, Parameters<typeof importPlan>[1]])[] = [
      ["UPPER", {}],
      [`app@${sha256(rootfs)}`, {}],
      ["app", { change: ["RUN x"] }],
      ["app", { platform: "windows/amd64" }],
      ["app", { platform: "not a platform" }],
    ];
    for (const [name, flags] of wrong) {
      assert.throws(
        () => importPlan(name, flags),
        (error) => error instanceof OvlError && error.code === "USAGE",
        name,
      );
    }
    process.env["SOURCE_DATE_EPOCH"] = "yesterday";
    assert.throws(() => importPlan("app", {}), /SOURCE_DATE_EPOCH/);
    process.env["SOURCE_DATE_EPOCH"] = EPOCH;
  });

  it("says what cannot be opened", async () => {
    const opening = (path: string) =>
      openRootfs(path).then(
        () => assert.fail("it was opened"),
        (error: OvlError) => error,
      );
    assert.equal((await opening(work.join("none"))).code, "NOT_FOUND");
    assert.equal((await opening(work.path)).code, "USAGE");
    assert.match((await opening("https://example.com/rootfs.tar")).message, /curl/);
  });

  it("takes back what it registered when a name cannot be written", async () => {
    const path = join(root, "image/overlay2/repositories.json");
    const names = readFileSync(path);
    const before = readdirSync(join(root, "overlay2"));
    writeFileSync(path, "damaged");
    const error = await refused(layer(file("unnamed", "x")), "app:2");
    assert.equal(error.code, "BAD_ROOT");
    writeFileSync(path, names);
    assert.deepEqual(readdirSync(join(root, "overlay2")), before);
    assert.ok(!existsSync(join(root, "image/overlay2/layerdb/sha256", hex(sha256(layer(file("unnamed", "x")))))));
    expectSound(root);
  });
});
