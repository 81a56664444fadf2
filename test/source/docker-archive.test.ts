import assert from "node:assert/strict";
import { readSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { FileRange } from "../../src/blob/byte-source.js";
import { formatPlatform, hostPlatform } from "../../src/model/platform.js";
import { openSource } from "../../src/source/open-source.js";
import type { SourceImage } from "../../src/source/source.js";
import * as build from "../support/image-builder.js";
import { file, layer } from "../support/tar-builder.js";
import { scratch } from "../support/tmp.js";
import { idsOf, imagesOf } from "./images-of.js";

// What is taken and what is refused is asked of dockerd itself: agreement.test.ts. Here is what the images become.

const [a, b] = [layer(file("a", "a")), layer(file("b", "b"))];
const one = build.image({ layers: [a], names: ["one:1", "one:latest"] });
const two = build.image({ layers: [a, b], names: ["quay.io/x/two:2"] });

async function read(files: build.Files, name = "", platform: string | null = null): Promise<readonly SourceImage[]> {
  using dir = scratch("docker");
  writeFileSync(dir.join("a.tar"), build.archive(files));
  return await imagesOf(`docker-archive:${dir.join("a.tar")}${name === "" ? "" : `:${name}`}`, platform);
}

const history = (...steps: string[]) => steps.map((created_by) => ({ created: build.CREATED, created_by }));

describe("a docker archive", () => {
  it("gives its images in its order, with names in familiar form", async () => {
    const named = build.image({ layers: [a], names: ["docker.io/library/x:1", "index.docker.io/u/y:1", "x:1"] });
    const images = await read(build.dockerArchive([two, named, one]));
    assert.deepEqual(
      idsOf(images),
      [two.id, named.id, one.id].filter((id, i, all) => all.indexOf(id) === i),
    );
    assert.deepEqual(images[1]?.names, ["x:1", "u/y:1", "one:1", "one:latest"], "one config is one image");
    assert.equal(images[0]?.manifestDigest, null);
  });

  it("gives the images of a name", async () => {
    const files = build.dockerArchive([one, two]);
    assert.deepEqual(idsOf(await read(files, "quay.io/x/two:2")), [two.id]);
    assert.deepEqual(idsOf(await read(files, "docker.io/library/one:1")), [one.id]);
    assert.deepEqual(idsOf(await read(files, "one")), [one.id], "latest is meant");
    await assert.rejects(read(files, "three"), { code: "NOT_FOUND", message: /quay\.io\/x\/two:2/ });
  });

  it("drops names that dockerd takes and then stores nowhere", async () => {
    const odd = build.image({ layers: [a], names: [`x:1@sha256:${"0".repeat(64)}`, "sha256:1", "y:1"] });
    assert.deepEqual((await read(build.dockerArchive([odd])))[0]?.names, ["y:1"]);
  });

  it("refuses another platform when one is asked for", async () => {
    const { architecture } = hostPlatform();
    const other = build.image({ layers: [a], config: { architecture: "s390x" } });
    assert.deepEqual(idsOf(await read(build.dockerArchive([other]))), [other.id]);
    assert.deepEqual(idsOf(await read(build.dockerArchive([other]), "", "linux/s390x")), [other.id]);
    await assert.rejects(read(build.dockerArchive([other]), "", formatPlatform({ ...hostPlatform(), architecture })), {
      code: "NO_PLATFORM",
      message: /linux\/s390x/,
    });
  });

  it("has further platforms in its index.json, in the newer form", async () => {
    const other = build.image({ layers: [b], config: { architecture: "s390x" }, names: ["one:1"] });
    const files = build.ociLayout([one, other], {
      index: ([first, , third]) => ({
        schemaVersion: 2,
        manifests: [
          { ...first, platform: { os: "linux", architecture: "amd64" } },
          { ...third, platform: { os: "linux", architecture: "s390x" } },
        ],
      }),
    });
    files.set("manifest.json", build.hybridArchive([one]).get("manifest.json") as Uint8Array);
    assert.deepEqual(idsOf(await read(files)), [one.id]);
    assert.deepEqual(idsOf(await read(files, "", "linux/s390x")), [other.id]);
    await assert.rejects(read(files, "", "linux/riscv64"), { code: "NO_PLATFORM", message: /amd64, linux\/s390x/ });
  });

  it("claims digests for the blobs of the newer form only, and holds the config to its own", async () => {
    const [plain] = await read(build.dockerArchive([one]));
    assert.deepEqual(
      plain?.layers.map(({ digest }) => digest),
      [null],
    );
    const files = build.hybridArchive([one]);
    const [hybrid] = await read(files);
    assert.deepEqual(
      hybrid?.layers.map(({ digest }) => digest),
      one.diffIds,
    );
    files.set(`blobs/sha256/${build.hex(one.id)}`, Buffer.concat([one.configBytes, Buffer.from(" ")]));
    await assert.rejects(read(files), { code: "DIGEST_MISMATCH" });
  });

  it("may lack layers until they are asked for, but none that leave it", async () => {
    const without = (layers: string[]) =>
      build.dockerArchive([one], { manifest: ([item]) => [{ ...item, Layers: layers }] });
    using dir = scratch("docker");
    writeFileSync(dir.join("a.tar"), build.archive(without(["gone/layer.tar"])));
    await using source = (await openSource(dir.join("a.tar"))).source;
    const [image] = await source.images({ name: null, platform: null });
    assert.equal(image?.layers[0]?.size, 0);
    await assert.rejects(async () => image?.layers[0]?.open(), { code: "BAD_ARCHIVE", message: /gone\/layer\.tar/ });
    await assert.rejects(read(without(["../layer.tar"])), { code: "PATH_ESCAPE" });
  });

  it("gives one range for a layer and for the links to it", async () => {
    using dir = scratch("docker");
    const twice = build.image({ layers: [a, b, a] });
    writeFileSync(dir.join("a.tar"), build.archive(build.dockerArchive([twice])));
    await using source = (await openSource(dir.join("a.tar"))).source;
    const [image] = await source.images({ name: null, platform: null });
    const ranges = await Promise.all((image as SourceImage).layers.map((each) => each.open()));
    assert.deepEqual(ranges[0], ranges[2]);
    const { fd, offset, size } = ranges[2] as FileRange;
    const bytes = Buffer.alloc(size);
    readSync(fd, bytes, 0, size, offset);
    assert.deepEqual(bytes, Buffer.from(a));
  });
});

describe("Parent of manifest.json", () => {
  const parent = build.image({ layers: [a], config: { history: history("x") } });
  const child = (of: string, steps: object[]) =>
    build.image({ layers: [a, b], config: { history: steps }, parent: of });

  it("is kept for an image of the archive whose history is continued", async () => {
    const images = await read(build.dockerArchive([child(parent.id, history("x", "y")), parent]));
    assert.deepEqual(
      images.map((each) => each.parent),
      [parent.id, null],
    );
  });

  it("is dropped for an image that is elsewhere, and for the image itself", async () => {
    const images = await read(build.dockerArchive([child(parent.id, history("x", "y"))]));
    assert.deepEqual(
      images.map((each) => each.parent),
      [null],
    );
  });

  const wrong: [title: string, steps: object[]][] = [
    ["another", history("z", "y")],
    ["two steps longer", [...history("x", "y"), { created_by: "z", empty_layer: true }]],
    ["the same", history("x")],
    ["none", []],
  ];
  for (const [title, steps] of wrong) {
    it(`is refused where the child's history is ${title}`, async () => {
      const files = build.dockerArchive([parent, child(parent.id, steps)]);
      await assert.rejects(read(files), { code: "BAD_MANIFEST", message: /not a valid parent/ });
    });
  }
});
