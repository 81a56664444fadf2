/** What registries hold beside plain images: old manifests, artifacts, indexes with attestations, layers elsewhere. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { OvlError } from "../../../src/errors.js";
import { expectSound } from "../../support/expect-sound.js";
import { image, json, MEDIA, sha256 } from "../../support/image-builder.js";
import { END, file, layer } from "../../support/tar-builder.js";
import { type Scratch, scratch } from "../../support/tmp.js";
import { type FakeRegistry, fakeRegistry } from "./fake-registry.js";
import { expectNothing, pullInto } from "./pulling.js";

const app = image({ layers: [layer(file("x", "x")), END] });
const LIST = "application/vnd.docker.distribution.manifest.list.v2+json";

interface Stored {
  readonly type: string;
  readonly bytes: Buffer;
}

describe("a registry that holds", () => {
  let space: Scratch;
  let registry: FakeRegistry;
  let turn = 0;
  const manifests = new Map<string, Stored>();
  const blobs = new Map<string, Buffer>();

  before(async () => {
    space = scratch("formats", 0);
    registry = await fakeRegistry(app);
    registry.misbehave((_, response, path) => {
      const name = path.slice(path.lastIndexOf("/") + 1);
      const found = path.includes("/manifests/") ? manifests.get(name) : undefined;
      const bytes = found?.bytes ?? blobs.get(name);
      if (bytes === undefined) response.writeHead(404).end();
      else response.writeHead(200, { "content-type": found?.type ?? "application/octet-stream" }).end(bytes);
      return true;
    });
  });
  beforeEach(() => {
    turn += 1;
    manifests.clear();
    blobs.clear();
  });
  after(async () => {
    await registry[Symbol.asyncDispose]();
    space[Symbol.dispose]();
  });

  const root = () => space.join(`root-${turn}`);
  const pulled = () => pullInto(root(), `docker://${registry.host}/team/app:1`);
  async function accepts(): Promise<void> {
    const result = await pulled();
    if (result instanceof OvlError) throw result;
    assert.equal(result.images[0]?.id, app.id);
    expectSound(root());
  }
  async function refuses(code: string, message: RegExp): Promise<void> {
    const result = await pulled();
    if (!(result instanceof OvlError)) return assert.fail("it was pulled");
    assert.equal(result.code, code, result.message);
    assert.match(result.message, message);
    assert.deepEqual(expectNothing(root()), []);
  }

  const blob = (bytes: Buffer, mediaType: string, more: object = {}) => {
    blobs.set(sha256(bytes), bytes);
    return { mediaType, digest: sha256(bytes), size: bytes.length, ...more };
  };
  /** Under its digest, and as what the tag leads to. */
  const put = (document: object, type: string, more: object = {}) => {
    const bytes = json(document);
    for (const name of ["1", sha256(bytes)]) manifests.set(name, { type, bytes });
    return { mediaType: type, digest: sha256(bytes), size: bytes.length, ...more };
  };
  const config = () => blob(app.configBytes, MEDIA.config);
  const layers = (mediaType = `${MEDIA.layer}+gzip`, more: object = {}) =>
    app.layers.map((tar) => blob(gzipSync(tar), mediaType, more));
  const plain = (over: object = {}) => ({ schemaVersion: 2, config: config(), layers: layers(), ...over });
  const linux = { platform: { os: "linux", architecture: "amd64" } };

  it("an image whose manifest does not say what it is, served as one or as any JSON", async () => {
    put(plain(), MEDIA.manifest);
    await accepts();
    turn += 1;
    put(plain(), "application/json; charset=utf-8");
    await accepts();
  });

  it("an image in Docker's form, in a Docker list, with an empty layer", async () => {
    const docker = { config: blob(app.configBytes, MEDIA.dockerConfig), layers: layers(MEDIA.dockerLayer) };
    const entry = put(plain({ mediaType: MEDIA.dockerManifest, ...docker }), MEDIA.dockerManifest, linux);
    put({ schemaVersion: 2, mediaType: LIST, manifests: [entry] }, LIST);
    await accepts();
  });

  it("attestations beside an image, before it and without a word about what they are", async () => {
    const unknown = { platform: { os: "unknown", architecture: "unknown" } };
    const statement = blob(json({}), "application/vnd.in-toto+json");
    const attestation = put(plain({ layers: [statement] }), MEDIA.manifest, unknown);
    const annotations = { "vnd.docker.reference.type": "attestation-manifest" };
    const entry = put(plain(), MEDIA.manifest, linux);
    const manifests = [attestation, { ...attestation, annotations }, entry];
    put({ schemaVersion: 2, mediaType: MEDIA.index, manifests }, MEDIA.index);
    await accepts();
  });

  it("nothing but attestations, or an empty index: BAD_MANIFEST", async () => {
    const unknown = { platform: { os: "unknown", architecture: "unknown" } };
    const entry = put(plain(), MEDIA.manifest, unknown);
    for (const manifests of [[entry], []]) {
      put({ schemaVersion: 2, mediaType: MEDIA.index, manifests }, MEDIA.index);
      await refuses("BAD_MANIFEST", /has no manifest of an image/);
    }
  });

  it("an image in Docker's first format, whatever it is served as: UNSUPPORTED_MEDIA_TYPE", async () => {
    const old = { schemaVersion: 1, name: "team/app", tag: "1", architecture: "amd64", fsLayers: [], history: [] };
    for (const version of ["v1+json", "v1+prettyjws"]) {
      put(old, `application/vnd.docker.distribution.manifest.${version}`);
      await refuses("UNSUPPORTED_MEDIA_TYPE", /schema 1/);
    }
    put(old, "application/json");
    await refuses("UNSUPPORTED_MEDIA_TYPE", /schema 1/);
  });

  it("artifacts, new and old, which are no images: UNSUPPORTED_MEDIA_TYPE", async () => {
    for (const mediaType of ["application/vnd.oci.empty.v1+json", "application/vnd.cncf.helm.config.v1+json"]) {
      put(plain({ artifactType: "text/x", config: blob(Buffer.from("{}"), mediaType) }), MEDIA.manifest);
      await refuses("UNSUPPORTED_MEDIA_TYPE", /is an artifact, not an image.*application/);
    }
    put(
      { mediaType: "application/vnd.oci.artifact.manifest.v1+json" },
      "application/vnd.oci.artifact.manifest.v1+json",
    );
    await refuses("UNSUPPORTED_MEDIA_TYPE", /no image/);
  });

  it("layers of another kind: UNSUPPORTED_MEDIA_TYPE", async () => {
    put(plain({ layers: layers("application/vnd.wasm.content.layer.v1+wasm") }), MEDIA.manifest);
    await refuses("UNSUPPORTED_MEDIA_TYPE", /wasm/);
  });

  it("layers that may not be passed on: taken where they are here, not asked for where they are said to be", async () => {
    const foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    const docker = { mediaType: MEDIA.dockerManifest, config: blob(app.configBytes, MEDIA.dockerConfig) };
    const urls = [`http://${registry.host}/v2/secret`];
    const there = layers(foreign, { urls });
    put(plain({ ...docker, layers: there }), MEDIA.dockerManifest);
    const before = registry.seen.length;
    await accepts();
    turn += 1;
    for (const { digest } of there) blobs.delete(digest);
    await refuses("UNSUPPORTED_MEDIA_TYPE", /with its publisher/);
    assert.equal(
      registry.seen.slice(before).some(({ url }) => url.includes("secret")),
      false,
    );
    put(plain({ ...docker, layers: layers(foreign) }), MEDIA.dockerManifest);
    await accepts();
  });

  it("a config or a manifest that says it is gigabytes: refused before it is asked for", async () => {
    const huge = { ...config(), size: 5e9 };
    put(plain({ config: huge }), MEDIA.manifest);
    const before = registry.seen.length;
    await refuses("BAD_CONFIG", /5000000000 bytes/);
    assert.equal(
      registry.seen.slice(before).some(({ url }) => url.includes("/blobs/")),
      false,
    );
    const entry = put(plain(), MEDIA.manifest, { ...linux, size: 5e9 });
    put({ schemaVersion: 2, mediaType: MEDIA.index, manifests: [entry] }, MEDIA.index);
    await refuses("SIZE_MISMATCH", /5000000000/);
  });

  it("an index of a thousand images whose configs would fill the memory: refused before they do", async () => {
    const pad = (i: number) => Buffer.concat([json({ i }), Buffer.alloc(8_000_000, " ")]);
    const entries = Array.from({ length: 12 }, (_, i) => {
      return put(plain({ config: blob(pad(i), MEDIA.config) }), MEDIA.manifest);
    });
    put({ schemaVersion: 2, mediaType: MEDIA.index, manifests: entries }, MEDIA.index);
    await refuses("BAD_MANIFEST", /more than \d+ bytes of manifests and configs/);
  });
});
