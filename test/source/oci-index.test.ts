import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatPlatform, hostPlatform, parsePlatform } from "../../src/model/platform.js";
import * as build from "../support/image-builder.js";
import { file, layer } from "../support/tar-builder.js";
import { idsOf, imagesOfLayout } from "./images-of.js";

const bytes = layer(file("f", "content"));
const plain = build.image({ layers: [bytes], names: ["app:1"] });
const host = formatPlatform(hostPlatform());

/** A layout whose index the test writes; each platform is an image of its own. */
function layout(index: (images: Map<string, build.Descriptor>, put: build.PutBlob) => unknown): build.Files {
  const images = PLATFORMS.map((platform) => platformImage(platform));
  return build.ociLayout(images, {
    index: (descriptors, put) => index(new Map(PLATFORMS.map((p, i) => [p, descriptors[i] as build.Descriptor])), put),
  });
}
const PLATFORMS = [host, "linux/s390x", "linux/arm/v6", "linux/arm/v7", "windows/amd64"];

function platformImage(text: string): build.Image {
  const { os, architecture, variant } = parsePlatform(text);
  return build.image({ layers: [bytes], config: { os, architecture, ...(variant === null ? {} : { variant }) } });
}
const idOf = (platform: string) => platformImage(platform).id;

function on(platform: string, descriptor: build.Descriptor | undefined, annotations?: Record<string, string>) {
  const { os, architecture, variant } = parsePlatform(platform);
  const of = { os, architecture, ...(variant === null ? {} : { variant }) };
  return { ...(descriptor as build.Descriptor), platform: of, ...(annotations && { annotations }) };
}
const named = (name: string) => ({ "org.opencontainers.image.ref.name": name });
const list = (manifests: unknown[]) => ({ schemaVersion: 2, mediaType: build.MEDIA.index, manifests });

describe("an OCI index", () => {
  describe("names", () => {
    const of = async (annotations: Record<string, string>) => {
      const index = ([only]: build.Descriptor[]) => list([{ ...(only as build.Descriptor), annotations }]);
      return (await imagesOfLayout(build.ociLayout([plain], { index })))[0]?.names;
    };
    it("come from containerd's annotation first", async () => {
      const annotations = { "io.containerd.image.name": "docker.io/library/x:1", ...named("y:2") };
      assert.deepEqual(await of(annotations), ["x:1"]);
    });
    it("come from the OCI annotation when it is more than a tag", async () => {
      assert.deepEqual(await of(named("demo/app:1")), ["demo/app:1"]);
      assert.deepEqual(await of(named("quay.io/demo/app")), ["quay.io/demo/app:latest"]);
      assert.deepEqual(await of(named("latest")), []);
    });
    it("are none where the annotation is no name that docker could store", async () => {
      for (const text of ["Not/A/Name", `a/b@sha256:${"0".repeat(64)}`, "sha256:1", "a b:c"]) {
        assert.deepEqual(await of(named(text)), [], text);
      }
    });
    it("of one manifest are all kept, and the image is given once", async () => {
      const twice = build.image({ layers: [bytes], names: ["app:1", "app:2"] });
      const images = await imagesOfLayout(build.ociLayout([twice]));
      assert.deepEqual(
        images.map(({ names }) => names),
        [["app:1", "app:2"]],
      );
    });
    it("choose an image, by annotation or as any form of the name", async () => {
      const other = build.image({ layers: [bytes], names: ["docker.io/library/other:1"], config: { author: "other" } });
      const files = build.ociLayout([plain, other]);
      assert.equal((await imagesOfLayout(files)).length, 2);
      for (const name of ["other:1", "docker.io/library/other:1", "index.docker.io/other:1"]) {
        assert.deepEqual(idsOf(await imagesOfLayout(files, { name })), [other.id], name);
      }
      const bare = build.ociLayout([plain], {
        index: ([d]) => list([{ ...(d as build.Descriptor), annotations: named("v1") }]),
      });
      assert.deepEqual(idsOf(await imagesOfLayout(bare, { name: "v1" })), [plain.id]);
      await assert.rejects(imagesOfLayout(files, { name: "third:1" }), {
        code: "NOT_FOUND",
        message: /"docker.io\/library\/app:1"/,
      });
      await assert.rejects(imagesOfLayout(bare, { name: "v2" }), { code: "NOT_FOUND", message: /"v1"/ });
    });
  });

  describe("platforms", () => {
    const nested = layout((images, put) => {
      const all = PLATFORMS.map((platform) => on(platform, images.get(platform)));
      const inner = put(build.json(list(all.slice(1))), build.MEDIA.index);
      const outer = put(build.json(list([inner, all[0]])), build.MEDIA.index);
      return list([{ ...outer, annotations: named("app:1") }]);
    });

    it("of nested indexes are the host's by default", async () => {
      const images = await imagesOfLayout(nested);
      assert.deepEqual(idsOf(images), [idOf(host)]);
      assert.deepEqual(images[0]?.names, ["app:1"]);
    });
    it("are chosen as asked, lower variants included", async () => {
      assert.deepEqual(idsOf(await imagesOfLayout(nested, { platform: "linux/s390x" })), [idOf("linux/s390x")]);
      assert.deepEqual(idsOf(await imagesOfLayout(nested, { platform: "linux/arm/v7" })), [idOf("linux/arm/v7")]);
      assert.deepEqual(idsOf(await imagesOfLayout(nested, { platform: "linux/arm/v8" })), [idOf("linux/arm/v7")]);
    });
    it("that are not there are an error that lists what is", async () => {
      await assert.rejects(
        imagesOfLayout(nested, { platform: "linux/riscv64" }),
        (error: { code: string; fields: object }) => {
          assert.equal(error.code, "NO_PLATFORM");
          assert.deepEqual(new Set((error.fields as { available: string[] }).available), new Set(PLATFORMS));
          return true;
        },
      );
    });
    it("of one name at the top are one image; other names are other images", async () => {
      const files = layout((images) =>
        list([
          on(host, images.get(host), named("a:1")),
          on("linux/s390x", images.get("linux/s390x"), named("a:1")),
          on("linux/s390x", images.get("linux/s390x"), named("b:1")),
        ]),
      );
      assert.deepEqual(idsOf(await imagesOfLayout(files)), [idOf(host), idOf("linux/s390x")]);
      assert.deepEqual(
        (await imagesOfLayout(files, { platform: "linux/s390x" })).map(({ names }) => names),
        [["a:1", "b:1"]],
      );
    });
    it("of nameless entries that all differ are one image", async () => {
      const files = layout((images) =>
        list([on("linux/s390x", images.get("linux/s390x")), on(host, images.get(host))]),
      );
      assert.deepEqual(idsOf(await imagesOfLayout(files)), [idOf(host)]);
    });
    it("without a word in the index are read from the configs", async () => {
      const files = layout((images) =>
        list([
          { ...images.get("linux/s390x"), annotations: named("a:1") },
          { ...images.get(host), annotations: named("a:1") },
        ]),
      );
      assert.deepEqual(idsOf(await imagesOfLayout(files)), [idOf(host)]);
    });
    it("of configs may be some that nobody loads here", async () => {
      const windows = layout((images) =>
        list([
          { ...images.get("windows/amd64"), annotations: named("a:1") },
          { ...images.get(host), annotations: named("a:1") },
        ]),
      );
      assert.deepEqual(idsOf(await imagesOfLayout(windows)), [idOf(host)]);
    });
    it("do not matter for a single manifest, unless asked for", async () => {
      const files = layout((images) => list([on("linux/s390x", images.get("linux/s390x"))]));
      assert.deepEqual(idsOf(await imagesOfLayout(files)), [idOf("linux/s390x")]);
      await assert.rejects(imagesOfLayout(files, { platform: host }), { code: "NO_PLATFORM" });
    });
    it("leave attestations out", async () => {
      const files = layout((images, put) => {
        const statement = put(
          build.json({ schemaVersion: 2, mediaType: build.MEDIA.manifest, layers: [] }),
          build.MEDIA.manifest,
        );
        const unknown = { os: "unknown", architecture: "unknown" };
        const inner = put(
          build.json(list([on("linux/s390x", images.get("linux/s390x")), { ...statement, platform: unknown }])),
          build.MEDIA.index,
        );
        return list([inner, { ...statement, platform: unknown }]);
      });
      assert.deepEqual(idsOf(await imagesOfLayout(files)), [idOf("linux/s390x")]);
    });
    it("need no blobs of other platforms", async () => {
      const files = layout((images) =>
        list([
          on(host, images.get(host), named("a:1")),
          on(
            "linux/s390x",
            { ...(images.get("linux/s390x") as build.Descriptor), digest: build.sha256(Buffer.from("elsewhere")) },
            named("a:1"),
          ),
        ]),
      );
      assert.deepEqual(idsOf(await imagesOfLayout(files)), [idOf(host)]);
    });
    it("twice under one name are ambiguous", async () => {
      const files = layout((images) =>
        list([on(host, images.get(host), named("a:1")), on(host, images.get("linux/s390x"), named("a:1"))]),
      );
      await assert.rejects(imagesOfLayout(files), { code: "AMBIGUOUS" });
    });
    it("may not nest for ever", async () => {
      const files = layout((images, put) => {
        let inner = put(build.json(list([images.get(host)])), build.MEDIA.index);
        for (let depth = 0; depth < 5; depth++) inner = put(build.json(list([inner])), build.MEDIA.index);
        return list([inner]);
      });
      await assert.rejects(imagesOfLayout(files), { code: "BAD_MANIFEST", message: /deeper than/ });
    });
  });
});
