/** Layers and archives that unpack to more than they look like: stopped at a limit, with nothing left of them. */
import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { openSource } from "../../src/source/open-source.js";
import { archive, dockerArchive, gzip, image, ociLayout } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { ovlJson } from "../support/ovl.js";
import { entry, file, layer } from "../support/tar-builder.js";
import { zstdBomb } from "../support/zstd.js";
import { assertRefused, makeWorld, type World } from "./hostile/world.js";

const MIB = 2 ** 20;
const zeros = Buffer.alloc(16 * MIB);
/** Its DiffID is the honest one: nothing but its size is wrong with it. */
const honest = image({ names: ["bomb:1"], layers: [layer(file("zeros", zeros))] });
const small = image({ layers: [layer(file("small"))] });

/** A file of nothing but a hole, in a tar of 2 KiB. GNU's own form, type S, is refused by dockerd and by ovl. */
function hole(size: bigint, version: "0.1" | "1.0" = "0.1", name = "hole"): Buffer {
  const [major, minor] = version.split(".") as [string, string];
  const pax = { "GNU.sparse.major": major, "GNU.sparse.minor": minor, "GNU.sparse.name": name };
  if (version === "1.0") {
    const map = Buffer.alloc(512);
    map.write(`1\n${size}\n0\n`);
    return entry("0", name, map, { pax: { ...pax, "GNU.sparse.realsize": String(size) } });
  }
  const map = { "GNU.sparse.numblocks": "1", "GNU.sparse.map": `${size},0`, "GNU.sparse.size": String(size) };
  return entry("0", name, "", { pax: { ...pax, ...map } });
}

const manyHoles = Array.from({ length: 40 }, (_, i) => hole(2n ** 18n, "0.1", `hole-${i}`));

describe("a layer that unpacks to more than the limit", { skip: oracle("getfattr") }, () => {
  let world: World;
  before(async () => {
    world = await makeWorld();
  });
  after(() => world?.[Symbol.dispose]());

  const forms: [string, Buffer][] = [
    ["in gzip", archive(ociLayout([honest], { compress: gzip, suffix: "+gzip" }))],
    ["in gzip, in a docker archive", archive(dockerArchive([honest], { compress: gzip }))],
    ["as it is", archive(ociLayout([honest]))],
    ["in zstd", archive(ociLayout([small], { compress: () => zstdBomb(2 ** 13), suffix: "+zstd" }))],
    ["as a hole, PAX 0.1", archive(dockerArchive([image({ layers: [layer(hole(2n ** 50n))] })]))],
    ["as a hole, PAX 1.0", archive(dockerArchive([image({ layers: [layer(hole(2n ** 50n, "1.0"))] })]))],
    ["as many small holes", archive(dockerArchive([image({ layers: [layer(...manyHoles)] })]))],
  ];
  for (const [title, bytes] of forms) {
    it(`is refused: ${title}`, async () => {
      const { message, fields } = await assertRefused(world, bytes, "BAD_TAR", { maxLayerBytes: 8 * MIB });
      assert.match(message, /--max-layer-size/);
      assert.equal(fields["limit"], 8 * MIB);
    });
  }

  it("is refused by default, too, where no disk could hold it", async () => {
    await assertRefused(world, archive(dockerArchive([image({ layers: [layer(hole(2n ** 62n))] })])), "BAD_TAR");
  });

  it("is taken up to the limit itself", async () => {
    const size = honest.layers[0]?.length as number;
    const bytes = archive(dockerArchive([honest], { compress: gzip }));
    await assertRefused(world, bytes, "BAD_TAR", { maxLayerBytes: size - 1 });
    const taken = await world.pull(bytes, { maxLayerBytes: size });
    assert.ok("images" in taken, String(taken));
  });

  it("is a bomb where the whole archive is compressed", async () => {
    const path = world.archive(gzipSync(archive(dockerArchive([honest]))));
    assert.ok(statSync(path).size < MIB / 8);
    await assert.rejects(openSource(path, undefined, 8 * MIB), { code: "BAD_ARCHIVE" });
    const opened = await openSource(path, undefined, 32 * MIB);
    await opened.source[Symbol.asyncDispose]();
  });

  it("is refused by each command that unpacks layers, with exit 4 or as a finding", async () => {
    const other = image({ layers: [layer(file("other", zeros))] });
    const path = world.archive(archive(ociLayout([other], { compress: gzip, suffix: "+gzip" })));
    const rootfs = world.rootfs;
    writeFileSync(rootfs, gzipSync(other.layers[0] as Uint8Array));
    const limited = ["--root", world.root, "--max-layer-size", "8MiB"];
    for (const args of [
      ["pull", path],
      ["load", "-i", path],
      ["import", rootfs],
      ["waste", path],
    ]) {
      const { status, json } = await ovlJson<{ error: { code: string } }>([...args, ...limited]);
      assert.deepEqual([json.error?.code, status], ["BAD_TAR", 4], args.join(" "));
    }
    const { status, json } = await ovlJson<{ targets: { problems: { code: string }[] }[] }>([
      "verify",
      path,
      ...limited,
    ]);
    assert.deepEqual([json.targets[0]?.problems.map(({ code }) => code), status], [["BAD_TAR"], 1]);
    const wrong = await ovlJson<{ error: { code: string } }>(["pull", path, "--max-layer-size", "much"]);
    assert.deepEqual([wrong.json.error.code, wrong.status], ["USAGE", 2]);
  });
});
