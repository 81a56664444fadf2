/**
 * Against a real registry, with the tools that others use: what skopeo and dockerd push, ovl pulls into the root that
 * dockerd would have written; what ovl pushes, dockerd and skopeo pull.
 */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { allDifferences, compareRoots } from "../support/compare-roots.js";
import { credentialPlaces } from "../support/credentials.js";
import { startDockerd } from "../support/dockerd.js";
import { expectSound } from "../support/expect-sound.js";
import { helloElf } from "../support/hello-elf.js";
import { chainIds, image, json, MEDIA, ociLayout, writeFiles } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { type Registry, startRegistry } from "../support/registry.js";
import { runOk } from "../support/run.js";
import { dir, file, layer, whiteout } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

const base = layer(dir("etc/"), file("etc/passwd", "root:x:0:0\n"), file("hello", helloElf("hi\n"), { mode: 0o755 }));
const middle = layer(file("data", Buffer.alloc(3_000_000, "data ")), dir("gone/"));
const top = layer(file("etc/app.conf", "x=1\n"), whiteout("gone"));
const app = image({ layers: [base, middle, top] });
const next = image({ layers: [base, middle, layer(file("etc/app.conf", "x=2\n"))] });
const arm = image({ layers: [base], config: { architecture: "arm64", variant: "v8" } });

const COMPRESSED = { compress: gzipSync, suffix: "+gzip", naming: "none" } as const;

describe("a registry", { skip: oracle("root", "dockerd", "docker-registry", "skopeo", "getfattr") }, () => {
  let space: Scratch;
  let registry: Registry;

  before(async () => {
    space = scratch("registry-test");
    registry = await startRegistry();
    await skopeoPush(app, "team/app:1");
    await skopeoPush(next, "team/app:2");
  });
  after(async () => {
    await registry?.[Symbol.asyncDispose]();
    space?.[Symbol.dispose]();
  });

  async function skopeoPush(each: typeof app, name: string, ...flags: string[]): Promise<void> {
    const layout = writeFiles(ociLayout([each], COMPRESSED), space.dir(`layout-${name.replace(/[/:]/g, "-")}`));
    const to = `docker://${registry.host}/${name}`;
    await runOk("skopeo", ["copy", "-q", "--dest-tls-verify=false", ...flags, `oci:${layout}`, to]);
  }

  async function pull(name: string, root: string, ...flags: string[]) {
    const result = await ovl(["pull", name, "--root", root, ...flags]);
    assert.equal(result.status, 0, result.stderr);
    return result.stdout;
  }

  it("gives ovl the root that it gives dockerd, with what both note of where layers came from", async () => {
    const names = ["1", "2"].map((tag) => `${registry.host}/team/app:${tag}`);
    const from = nowNs();
    {
      await using daemon = await startDockerd(space.join("dockerd"));
      for (const name of names) await daemon.dockerOk(["pull", "-q", name]);
    }
    // With an image in it the root has been dockerd's before: what dockerd makes at its start is not ovl's to make.
    for (const name of names) await pull(name, space.join("ovl"));
    const now = { from, to: nowNs() };
    const compared = compareRoots({ path: space.join("dockerd"), now }, { path: space.join("ovl"), now });
    assert.deepEqual(allDifferences(compared), []);
    expectSound(space.join("ovl"));
  });

  it("is asked only for the layers that the root has not", async () => {
    const root = space.join("half");
    await pull(`${registry.host}/team/app:1`, root);
    const asked = registry.log().length;
    const second = await ovlJson<{ images: { layers: { status: string }[] }[] }>([
      ...["pull", `docker://${registry.host}/team/app:2`, "--root", root],
    ]);
    assert.deepEqual(
      second.json.images[0]?.layers.map(({ status }) => status),
      ["exists", "exists", "extracted"],
    );
    assert.equal(blobsAsked(registry.log().slice(asked)), 2, "the config and one layer");
    expectSound(root);
  });

  it("answers every question about an image that is not stored", async () => {
    const source = `docker://${registry.host}/team/app:1`;
    const id = await ovlJson<{ images: { id: string; names: string[] }[] }>(["id", source]);
    assert.deepEqual(id.json.images[0]?.id, app.id);
    assert.deepEqual(id.json.images[0]?.names, [`${registry.host}/team/app:1`]);
    const chain = await ovlJson<{ layers: { chainId: string }[] }>(["chain", source]);
    assert.deepEqual(
      chain.json.layers.map(({ chainId }) => chainId),
      chainIds(app.diffIds),
    );
    assert.equal((await ovl(["verify", source])).status, 0);
    assert.equal((await ovl(["verify", source, "--expect", next.id])).status, 1);
    for (const command of ["history", "inspect"]) assert.equal((await ovl([command, source])).status, 0, command);
  });

  it("is asked by digest, and then gives no tag", async () => {
    const text = await runOk("skopeo", ["inspect", "--tls-verify=false", `docker://${registry.host}/team/app:1`]);
    const { Digest: digest } = JSON.parse(text.toString()) as { Digest: string };
    const root = space.join("by-digest");
    const name = `${registry.host}/team/app@${digest}`;
    assert.equal(await pull(`docker://${name}`, root), `${app.id} ${name}\n`);
    const listed = await ovlJson<{ images: { repoTags: string[]; repoDigests: string[] }[] }>([
      ...["images", "--root", root],
    ]);
    assert.deepEqual(listed.json.images[0]?.repoTags, []);
    assert.deepEqual(listed.json.images[0]?.repoDigests, [name]);
  });

  it("has an index of platforms, of which one is pulled", async () => {
    const files = ociLayout([app, arm], {
      ...COMPRESSED,
      index: (descriptors, put) => {
        const platforms = ["amd64", "arm64"].map((architecture) => ({ os: "linux", architecture }));
        const manifests = descriptors.map((each, i) => ({ ...each, platform: platforms[i] }));
        const inner = put(json({ schemaVersion: 2, mediaType: MEDIA.index, manifests }), MEDIA.index);
        return { schemaVersion: 2, manifests: [inner] };
      },
    });
    const layout = writeFiles(files, space.dir("multi"));
    const to = `docker://${registry.host}/team/multi:1`;
    await runOk("skopeo", ["copy", "-q", "--all", "--dest-tls-verify=false", `oci:${layout}`, to]);
    const ask = (...flags: string[]) => ovlJson<{ images: { id: string }[] }>(["id", to, ...flags]);
    assert.equal((await ask("--platform", "linux/arm64")).json.images[0]?.id, arm.id);
    assert.equal((await ask("--platform", "linux/amd64")).json.images[0]?.id, app.id);
    assert.equal((await ask("--platform", "linux/s390x")).status, 3);
  });

  it("has no such image: exit 3, and no root is made", async () => {
    for (const name of ["team/app:9", "team/none:1"]) {
      const { status, json } = await ovlJson<{ error: { code: string } }>([
        ...["pull", `${registry.host}/${name}`, "--root", space.join("none")],
      ]);
      assert.equal(status, 3, name);
      assert.equal(json.error.code, "NOT_FOUND");
    }
    assert.ok(!existsSync(space.join("none")));
  });
});

describe("a registry with TLS and a password", { skip: oracle("docker-registry", "skopeo", "openssl") }, () => {
  const user = { name: "ci", password: "pass:with:colons" };
  let space: Scratch;
  let registry: Registry;
  let source: string;

  before(async () => {
    space = scratch("registry-tls", 0);
    registry = await startRegistry({ tls: true, user });
    const layout = writeFiles(ociLayout([app], COMPRESSED), space.dir("layout"));
    source = `docker://${registry.host}/team/app:1`;
    const flags = ["--dest-tls-verify=false", "--dest-creds", `${user.name}:${user.password}`];
    await runOk("skopeo", ["copy", "-q", ...flags, `oci:${layout}`, source]);
    writeFileSync(space.join("config.json"), auths({ [registry.host]: user }));
    const login = ["login", "--tls-verify=false", "-u", user.name, "-p", user.password, registry.host];
    await runOk("skopeo", login, { env: { XDG_RUNTIME_DIR: space.dir("run"), REGISTRY_AUTH_FILE: "" } });
    writeFileSync(space.join("auth.json"), auths({ [`${registry.host}/team`]: user }));
  });
  after(async () => {
    await registry?.[Symbol.asyncDispose]();
    space?.[Symbol.dispose]();
  });

  const ask = (flags: readonly string[], env: Record<string, string> = {}, input = "") =>
    ovl(["id", source, "--cacert", registry.caFile as string, ...flags], {
      env: { ...credentialPlaces(space.join("nowhere")), ...env },
      input: Buffer.from(input),
    });

  it("lets in who is named in docker's file, in one of podman's or skopeo's, or on the command line", async () => {
    const asked = [
      await ask([], { DOCKER_CONFIG: space.path }),
      await ask([], { REGISTRY_AUTH_FILE: space.join("auth.json") }),
      await ask([], { XDG_RUNTIME_DIR: space.join("run") }),
      await ask(["--username", user.name, "--password-stdin"], {}, `${user.password}\n`),
    ];
    for (const { status, stdout, stderr } of asked) assert.deepEqual([status, stdout], [0, `${app.id}\n`], stderr);
  });

  it("refuses everybody else, and no message shows the password", async () => {
    const stranger = await ask([]);
    assert.deepEqual([stranger.status, stranger.stdout], [7, ""]);
    assert.match(stranger.stderr, /ovl login 127\.0\.0\.1/);
    const wrong = await ask(["-u", user.name, "--password-stdin", "--json"], { DEBUG: "1" }, "not-the-password");
    assert.equal(wrong.status, 7);
    assert.equal((JSON.parse(wrong.stdout) as { error: { code: string } }).error.code, "UNAUTHORIZED");
    const secret = Buffer.from(`${user.name}:not-the-password`).toString("base64");
    for (const text of ["not-the-password", secret]) {
      assert.equal(`${wrong.stdout}${wrong.stderr}`.includes(text), false);
    }
  });

  it("is not trusted without its authority", async () => {
    const env = credentialPlaces(space.path);
    const { status, stderr } = await ovl(["id", source], { env });
    assert.equal(status, 7);
    assert.match(stderr, /certificate is not trusted .*--cacert/);
    const insecure = await ovl(["id", source, "--insecure-registry", registry.host], { env });
    assert.equal(insecure.status, 0, insecure.stderr);
  });
});

function auths(entries: Record<string, { name: string; password: string }>): string {
  const encoded = Object.entries(entries).map(([key, { name, password }]) => [
    key,
    { auth: Buffer.from(`${name}:${password}`).toString("base64") },
  ]);
  return JSON.stringify({ auths: Object.fromEntries(encoded) });
}

function blobsAsked(log: string): number {
  return log.split("\n").filter((line) => /"GET \/v2\/\S+\/blobs\//.test(line)).length;
}

function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
