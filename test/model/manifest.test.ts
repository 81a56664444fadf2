import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isAttestation, MAX_MANIFEST_BYTES, parseManifest } from "../../src/model/manifest.js";
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  isForeignLayerType,
  isImageConfigType,
  isLayerType,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
} from "../../src/model/media-types.js";
import { json, sha256 } from "../support/image-builder.js";

const descriptor = { mediaType: OCI_LAYER, digest: sha256(Buffer.from("x")), size: 1 };
const config = { ...descriptor, mediaType: OCI_CONFIG };
const manifest = { schemaVersion: 2, config, layers: [descriptor] };
const index = { schemaVersion: 2, manifests: [descriptor] };
const parse = (value: unknown, mediaType = "") => parseManifest(json(value), mediaType);

describe("parseManifest", () => {
  it("reads manifests and indexes, OCI's and docker's, with and without a media type", () => {
    for (const mediaType of [OCI_MANIFEST, DOCKER_MANIFEST, ""]) {
      const parsed = parse(manifest, mediaType);
      assert.equal(parsed.kind, "manifest");
      assert.deepEqual(parse({ ...manifest, mediaType }), parsed);
    }
    for (const mediaType of [OCI_INDEX, DOCKER_LIST, ""]) {
      assert.equal(parse(index, mediaType).kind, "index");
      assert.equal(parse({ ...index, mediaType }, mediaType).kind, "index");
    }
  });

  it("reads descriptors with all that they may have, and ignores what it does not know", () => {
    const platform = { os: "linux", architecture: "arm", variant: "v7", "os.features": ["x"] };
    const annotations = { a: "b", __proto__: "c" };
    const rich = {
      ...descriptor,
      platform,
      annotations,
      urls: ["https://a"],
      artifactType: "t",
      data: "eA==",
      new: {},
    };
    const parsed = parse({ ...index, manifests: [rich] });
    assert.ok(parsed.kind === "index");
    assert.deepEqual(parsed.manifests, [
      {
        ...descriptor,
        platform: { os: "linux", architecture: "arm", variant: "v7" },
        annotations: new Map(Object.entries(annotations)),
        urls: ["https://a"],
        artifactType: "t",
      },
    ]);
  });

  const refused: [title: string, value: unknown, mediaType: string, code: string, message: RegExp][] = [
    ["what is no object", [], "", "BAD_MANIFEST", /must be/i],
    ["a manifest that is an index too", { ...manifest, ...index }, "", "BAD_MANIFEST", /at once/],
    ["a manifest where an index was promised", manifest, OCI_INDEX, "BAD_MANIFEST", /"manifests"/],
    [
      "a media type other than promised",
      { ...manifest, mediaType: DOCKER_MANIFEST },
      OCI_MANIFEST,
      "BAD_MANIFEST",
      /calls itself/,
    ],
    ["schema 1 by its version", { schemaVersion: 1, fsLayers: [] }, "", "UNSUPPORTED_MEDIA_TYPE", /schema 1/],
    [
      "schema 1 by its media type",
      { schemaVersion: 1 },
      "application/vnd.docker.distribution.manifest.v1+prettyjws",
      "UNSUPPORTED_MEDIA_TYPE",
      /schema 1/,
    ],
    ["another media type", {}, "application/vnd.oci.artifact", "UNSUPPORTED_MEDIA_TYPE", /no image/],
    ["a manifest without a config", { layers: [] }, OCI_MANIFEST, "BAD_MANIFEST", /"config"/],
    ["a layer without a digest", { ...manifest, layers: [{ size: 1 }] }, "", "BAD_MANIFEST", /"layers\.0\.digest"/],
    [
      "a digest that climbs",
      { ...manifest, config: { ...config, digest: "sha256:../../../x" } },
      "",
      "BAD_MANIFEST",
      /"config\.digest" must/,
    ],
    ["a negative size", { ...manifest, config: { ...config, size: -1 } }, "", "BAD_MANIFEST", /"config\.size"/],
    ["a size with a fraction", { ...manifest, config: { ...config, size: 1.5 } }, "", "BAD_MANIFEST", /whole/],
  ];
  for (const [title, value, mediaType, code, message] of refused) {
    it(`refuses ${title}`, () => assert.throws(() => parse(value, mediaType), { code, message }));
  }

  it("refuses what is larger than any registry takes", () => {
    assert.throws(() => parseManifest(Buffer.alloc(MAX_MANIFEST_BYTES + 1), ""), { code: "BAD_MANIFEST" });
  });
});

describe("attestations", () => {
  it("are told by their platform or their annotation", () => {
    const of = (over: object) => {
      const parsed = parse({ ...index, manifests: [{ ...descriptor, ...over }] });
      return parsed.kind === "index" && isAttestation(parsed.manifests[0] as (typeof parsed.manifests)[0]);
    };
    assert.equal(of({}), false);
    assert.equal(of({ platform: { os: "linux", architecture: "unknown" } }), false);
    assert.equal(of({ platform: { os: "unknown", architecture: "unknown" } }), true);
    assert.equal(of({ annotations: { "vnd.docker.reference.type": "attestation-manifest" } }), true);
  });
});

describe("media types", () => {
  it("of layers are known in every compression", () => {
    for (const type of [
      "application/vnd.oci.image.layer.v1.tar",
      "application/vnd.oci.image.layer.v1.tar+gzip",
      "application/vnd.oci.image.layer.v1.tar+zstd",
      "application/vnd.docker.image.rootfs.diff.tar",
      "application/vnd.docker.image.rootfs.diff.tar.gzip",
      "application/vnd.docker.image.rootfs.diff.tar.zstd",
    ]) {
      assert.ok(isLayerType(type) && !isForeignLayerType(type), type);
    }
    for (const type of [
      "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
      "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ]) {
      assert.ok(isLayerType(type) && isForeignLayerType(type), type);
    }
    for (const type of [
      "",
      "application/vnd.oci.image.layer.v1.tar+encrypted",
      "text/plain",
      "application/vnd.in-toto+json",
    ]) {
      assert.ok(!isLayerType(type), type);
    }
  });

  it("of configs tell images from artifacts", () => {
    assert.ok(isImageConfigType(OCI_CONFIG) && isImageConfigType("application/octet-stream"));
    assert.ok(!isImageConfigType("application/vnd.oci.empty.v1+json"));
    assert.ok(!isImageConfigType("application/vnd.cncf.helm.config.v1+json"));
  });
});
