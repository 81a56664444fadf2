import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { openSource } from "../../src/source/open-source.js";
import * as build from "../support/image-builder.js";
import { file, layer } from "../support/tar-builder.js";
import { scratch } from "../support/tmp.js";
import { idsOf, imagesOf, imagesOfLayout } from "./images-of.js";

const bytes = layer(file("f", "content"));
const plain = build.image({ layers: [bytes], names: ["app:1"] });

const list = (manifests: unknown[]) => ({ schemaVersion: 2, mediaType: build.MEDIA.index, manifests });

describe("an OCI layout", () => {
  for (const as of ["directory", "archive"] as const) {
    it(`gives its image with everything that is known of it (${as})`, async () => {
      const files = build.ociLayout([plain], { compress: build.gzip, suffix: "+gzip" });
      const [image, ...more] = await imagesOfLayout(files, { as });
      assert.deepEqual(more, []);
      assert.equal(image?.id, plain.id);
      assert.deepEqual(image?.names, ["app:1"]);
      assert.equal(image?.parent, null);
      assert.ok(image?.manifestDigest && files.has(`blobs/sha256/${build.hex(image.manifestDigest)}`));
      const blob = build.gzip(bytes);
      const [only] = image.layers;
      assert.deepEqual(
        [only?.diffId, only?.digest, only?.mediaType, only?.size],
        [plain.diffIds[0], build.sha256(blob), "application/vnd.oci.image.layer.v1.tar+gzip", blob.length],
      );
    });
  }

  it("takes docker's media types", async () => {
    assert.deepEqual(idsOf(await imagesOfLayout(build.ociLayout([plain], { docker: true, compress: build.gzip }))), [
      plain.id,
    ]);
  });

  it("with an empty index holds nothing", async () => {
    assert.deepEqual(await imagesOfLayout(build.ociLayout([])), []);
  });

  describe("refuses", () => {
    type Edit = (files: build.Files) => void;
    const blob = (digest: string) => `blobs/sha256/${build.hex(digest)}`;
    const manifestOf = (files: build.Files) => {
      const { manifests } = JSON.parse(String(files.get("index.json"))) as { manifests: build.Descriptor[] };
      return blob((manifests[0] as build.Descriptor).digest);
    };
    const flipped: (path: (files: build.Files) => string) => Edit = (path) => (files) => {
      const copy = Buffer.from(files.get(path(files)) as Uint8Array);
      copy[copy.length - 2] = (copy[copy.length - 2] as number) ^ 1;
      files.set(path(files), copy);
    };
    const shortened: (path: (files: build.Files) => string) => Edit = (path) => (files) =>
      files.set(path(files), (files.get(path(files)) as Uint8Array).subarray(1));

    const damaged: [title: string, edit: Edit, code: string][] = [
      ["a manifest with a flipped bit", flipped(manifestOf), "DIGEST_MISMATCH"],
      ["a config with a flipped bit", flipped(() => blob(plain.id)), "DIGEST_MISMATCH"],
      ["a manifest of another size", shortened(manifestOf), "SIZE_MISMATCH"],
      ["a config of another size", shortened(() => blob(plain.id)), "SIZE_MISMATCH"],
      ["a config that is missing", (files) => files.delete(blob(plain.id)), "BAD_ARCHIVE"],
      ["a manifest that is missing", (files) => files.delete(manifestOf(files)), "BAD_ARCHIVE"],
      ["a layout without index.json", (files) => files.delete("index.json"), "BAD_ARCHIVE"],
      ["a layout without oci-layout", (files) => files.delete("oci-layout"), "BAD_ARCHIVE"],
      [
        "a layout of a version to come",
        (files) => files.set("oci-layout", build.json({ imageLayoutVersion: "2.0.0" })),
        "BAD_ARCHIVE",
      ],
      [
        "an index.json that is a manifest",
        (files) => files.set("index.json", files.get(manifestOf(files)) as Uint8Array),
        "BAD_MANIFEST",
      ],
      ["an index.json that is text", (files) => files.set("index.json", Buffer.from("x")), "BAD_MANIFEST"],
    ];
    for (const [title, edit, code] of damaged) {
      it(title, async () => {
        const files = build.ociLayout([plain]);
        edit(files);
        await assert.rejects(imagesOfLayout(files), { code });
        await assert.rejects(imagesOfLayout(files, { as: "archive" }), { code });
      });
    }

    it("an index.json without manifests, saying that it lacks these", async () => {
      const files = build.ociLayout([plain], { index: () => ({ schemaVersion: 2 }) });
      await assert.rejects(imagesOfLayout(files), {
        code: "BAD_MANIFEST",
        message: /index\.json of .*"manifests" is missing/,
      });
    });
    it("more layers than diff ids", async () => {
      const short = build.image({ layers: [bytes], configBytes: build.json(build.configOf([])) });
      await assert.rejects(imagesOfLayout(build.ociLayout([short])), {
        code: "BAD_MANIFEST",
        message: /1 layers.*0 diff ids/,
      });
    });
    it("layers that are no filesystem", async () => {
      await assert.rejects(imagesOfLayout(build.ociLayout([plain], { suffix: "+encrypted" })), {
        code: "UNSUPPORTED_MEDIA_TYPE",
      });
    });
    for (const [title, configType, layerType, message] of [
      ["an artifact", "application/vnd.cncf.helm.config.v1+json", null, /artifact.*helm/],
      [
        "a signature of cosign",
        build.MEDIA.config,
        "application/vnd.dev.cosign.simplesigning.v1+json",
        /simplesigning/,
      ],
    ] as const) {
      it(`${title}, as what it is, unless it only lies beside an image`, async () => {
        const index = (images: build.Descriptor[], put: build.PutBlob) => {
          const layers = layerType === null ? [] : [put(Buffer.from('{"critical":{}}'), layerType)];
          const config = put(build.json(build.configOf(layers.map(({ digest }) => digest))), configType);
          const manifest = { schemaVersion: 2, mediaType: build.MEDIA.manifest, config, layers };
          return list([...images, put(build.json(manifest), build.MEDIA.manifest)]);
        };
        assert.deepEqual(idsOf(await imagesOfLayout(build.ociLayout([plain], { index }))), [plain.id]);
        await assert.rejects(imagesOfLayout(build.ociLayout([], { index })), {
          code: "UNSUPPORTED_MEDIA_TYPE",
          message,
        });
      });
    }
    it("referrers of an image, listed by an index of their own, unless they only lie beside one", async () => {
      const index = (images: build.Descriptor[], put: build.PutBlob) => {
        const config = put(Buffer.from("{}"), "application/vnd.oci.empty.v1+json");
        const artifacts = ["application/spdx+json", "application/vnd.in-toto+json"].map((artifactType) => {
          const manifest = { schemaVersion: 2, mediaType: build.MEDIA.manifest, artifactType, config, layers: [] };
          return { ...put(build.json(manifest), build.MEDIA.manifest), artifactType };
        });
        const referrers = put(build.json(list(artifacts)), build.MEDIA.index);
        const annotations = { "org.opencontainers.image.ref.name": `sha256-${build.hex(plain.id)}` };
        return list([...images, { ...referrers, annotations }]);
      };
      assert.deepEqual(idsOf(await imagesOfLayout(build.ociLayout([plain], { index }))), [plain.id]);
      await assert.rejects(imagesOfLayout(build.ociLayout([], { index })), {
        code: "UNSUPPORTED_MEDIA_TYPE",
        message: /artifact.*empty/,
      });
    });

    it("a layer only when it is opened: one of another size, one that is missing", async () => {
      using dir = scratch("oci");
      build.writeFiles(build.ociLayout([plain]), dir.path);
      await using source = (await openSource(dir.path)).source;
      const [image] = await source.images({ name: null, platform: null });
      const path = dir.join(blob(plain.diffIds[0] as string));
      writeFileSync(path, "short");
      await assert.rejects(async () => image?.layers[0]?.open(), { code: "SIZE_MISMATCH" });
      await using again = (await openSource(dir.path)).source;
      rmSync(path);
      const [other] = await again.images({ name: null, platform: null });
      await assert.rejects(async () => other?.layers[0]?.open(), { code: "BAD_ARCHIVE", message: /is missing/ });
    });
    it("a foreign layer that is missing with where to get it", async () => {
      const index = (_: unknown, put: build.PutBlob) => {
        const config = put(plain.configBytes, build.MEDIA.config);
        const url = "https://example.com/base.tar";
        const absent = {
          mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
          digest: plain.diffIds[0],
          size: 5,
          urls: [url],
        };
        return list([put(build.json({ schemaVersion: 2, config, layers: [absent] }), build.MEDIA.manifest)]);
      };
      using dir = scratch("oci");
      build.writeFiles(build.ociLayout([], { index }), dir.path);
      await using source = (await openSource(dir.path)).source;
      const [image] = await source.images({ name: null, platform: null });
      await assert.rejects(async () => image?.layers[0]?.open(), {
        code: "BAD_ARCHIVE",
        message: /example\.com\/base\.tar/,
      });
    });
  });
});

describe("an OCI layout directory", () => {
  it("may hold symlinks within itself, but none that lead out", async () => {
    using dir = scratch("oci");
    const layoutDir = dir.dir("layout");
    build.writeFiles(build.ociLayout([plain]), layoutDir);
    renameSync(`${layoutDir}/blobs/sha256`, `${layoutDir}/store`);
    symlinkSync("../store", `${layoutDir}/blobs/sha256`);
    assert.deepEqual(idsOf(await imagesOf(layoutDir)), [plain.id]);
    renameSync(`${layoutDir}/store`, dir.join("layout-store"));
    rmSync(`${layoutDir}/blobs/sha256`);
    symlinkSync("../../layout-store", `${layoutDir}/blobs/sha256`);
    await assert.rejects(imagesOf(layoutDir), { code: "PATH_ESCAPE" });
  });

  it("is never waited for: a FIFO is no file", { timeout: 10_000 }, async () => {
    using dir = scratch("oci");
    build.writeFiles(build.ociLayout([plain]), dir.path);
    rmSync(dir.join("index.json"));
    execFileSync("mkfifo", [dir.join("index.json")]);
    await assert.rejects(imagesOf(dir.path), { code: "BAD_ARCHIVE", message: /not a regular file/ });
    rmSync(dir.join("index.json"));
    mkdirSync(dir.join("index.json"));
    await assert.rejects(imagesOf(dir.path), { code: "BAD_ARCHIVE", message: /not a regular file/ });
  });

  it("gives its descriptors back when disposed", async () => {
    using dir = scratch("oci");
    build.writeFiles(build.ociLayout([plain]), dir.path);
    const before = readdirSync("/proc/self/fd").length;
    for (let i = 0; i < 5; i++) await imagesOf(dir.path);
    assert.equal(readdirSync("/proc/self/fd").length, before);
  });
});
