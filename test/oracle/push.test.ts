/**
 * What ovl pushes to a real registry, dockerd and skopeo pull; and what dockerd pushed, ovl pushes as the same bytes.
 */
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { credentialPlaces } from "../support/credentials.js";
import { type Dockerd, startDockerd } from "../support/dockerd.js";
import { expectSound } from "../support/expect-sound.js";
import { archive, dockerArchive, image, ociLayout, writeFiles } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { type Registry, startRegistry } from "../support/registry.js";
import { runOk } from "../support/run.js";
import { dir, file, layer, symlink, whiteout } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { zstd } from "../support/zstd.js";

const base = layer(dir("etc/"), file("etc/passwd", "root:x:0:0\n"), file("data", Buffer.alloc(5_000_000, "data ")));
const app = image({ names: ["app:1"], layers: [base, layer(whiteout("data"), symlink("etc/l", "passwd")), base] });
const bare = image({ names: ["bare:1"], layers: [] });

interface Pushed {
  readonly reference: string;
  readonly digest: string;
  readonly size: number;
  readonly layers: readonly { readonly digest: string; readonly status: string }[];
}

describe("ovl push", { skip: oracle("root", "dockerd", "docker-registry", "skopeo", "zstd") }, () => {
  let space: Scratch;
  let registry: Registry;
  let daemon: Dockerd;
  let root: string;

  before(async () => {
    space = scratch("push-test");
    registry = await startRegistry();
    daemon = await startDockerd(space.join("dockerd"));
    root = space.join("root");
    writeFileSync(space.join("app.tar"), archive(dockerArchive([app, bare])));
    await ok("pull", space.join("app.tar"), "--root", root);
  });
  after(async () => {
    await daemon?.stop();
    await registry?.[Symbol.asyncDispose]();
    if (root !== undefined) expectSound(root);
    space?.[Symbol.dispose]();
  });

  async function ok(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await ovl(args);
    assert.equal(status, 0, stderr);
    return stdout;
  }
  async function push(imageName: string, name: string, from = root): Promise<Pushed> {
    const target = `${registry.host}/${name}`;
    const { status, json, stderr } = await ovlJson<Pushed>(["push", imageName, target, "--root", from]);
    assert.equal(status, 0, `${stderr}${JSON.stringify(json)}`);
    assert.equal(json.reference, target);
    return json;
  }
  const statuses = ({ layers }: Pushed) => layers.map(({ status }) => status);
  const docker = (...args: string[]) => daemon.dockerOk(args);
  async function skopeo(name: string): Promise<{ Digest: string; Layers: string[]; MIMEType?: string }> {
    const args = ["inspect", "--tls-verify=false", `docker://${registry.host}/${name}`];
    return JSON.parse((await runOk("skopeo", args)).toString());
  }

  it("sends an image that dockerd and skopeo pull, with the id that it had", async () => {
    const pushed = await push("app:1", "a/app:1");
    assert.deepEqual(statuses(pushed), ["pushed", "pushed", "pushed"]);
    await docker("pull", "-q", `${registry.host}/a/app:1`);
    assert.equal((await docker("inspect", "-f", "{{.Id}}", `${registry.host}/a/app:1`)).trim(), app.id);
    assert.equal((await skopeo("a/app:1")).Digest, pushed.digest);
    const copy = `docker-archive:${space.join("copy.tar")}`;
    await runOk("skopeo", ["copy", "-q", "--src-tls-verify=false", `docker://${registry.host}/a/app:1`, copy]);
    assert.equal((await ok("id", copy)).trim(), app.id);
  });

  it("changes nothing when it is repeated, and sends nothing", async () => {
    const first = await push("app:1", "b/app:1");
    const log = registry.log().length;
    const second = await push("app:1", "b/app:1");
    assert.deepEqual([second.digest, statuses(second)], [first.digest, ["exists", "exists", "exists"]]);
    assert.doesNotMatch(registry.log().slice(log), /"(?:PUT|POST|PATCH) \/v2/);
    const other = space.join("other-root");
    await ok("pull", space.join("app.tar"), "--root", other);
    assert.equal((await push("app:1", "b/app:1", other)).digest, first.digest, "a root without notes of it");
  });

  it("takes over what the registry has in another repository", async () => {
    await push("app:1", "c/app:1");
    const pushed = await push("app:1", "d/app:1");
    assert.deepEqual(statuses(pushed), ["mounted", "mounted", "mounted"]);
    await docker("pull", "-q", `${registry.host}/d/app:1`);
  });

  it("gives an image the digest that dockerd gave it", async () => {
    const name = `${registry.host}/e/app:1`;
    const built = await runOk("sh", ["-c", `cat ${space.join("app.tar")}`]);
    assert.equal(await daemon.load(built), null);
    await docker("tag", "app:1", name);
    await docker("push", "-q", name);
    const { Digest: digest } = await skopeo("e/app:1");
    const fresh = space.join("fresh");
    await ok("pull", name, "--root", fresh);
    await ok("tag", name, "again:1", "--root", fresh);
    const again = await push("again:1", "e/app:again", fresh);
    assert.deepEqual([again.digest, statuses(again)], [digest, ["exists", "exists", "exists"]]);
    // Mounted into another repository, where there is no manifest to find: written anew, as the same bytes.
    assert.equal((await push("again:1", "f/app:1", fresh)).digest, digest);
  });

  it("gives layers that are not gzip back as they came, and an image of them its manifest", async () => {
    const layout = writeFiles(
      ociLayout([app], { compress: zstd, suffix: "+zstd", naming: "none" }),
      space.dir("zstd-layout"),
    );
    const to = `docker://${registry.host}/g/zstd:1`;
    await runOk("skopeo", ["copy", "-q", "--dest-tls-verify=false", "--preserve-digests", `oci:${layout}`, to]);
    const fresh = space.join("zstd-root");
    await ok("pull", to, "--root", fresh);
    const { Digest: digest, Layers: layers } = await skopeo("g/zstd:1");
    const again = await push(`${registry.host}/g/zstd:1`, "g/zstd:2", fresh);
    assert.deepEqual([again.digest, again.layers.map((each) => each.digest)], [digest, layers]);
    const moved = await push(`${registry.host}/g/zstd:1`, "h/zstd:1", fresh);
    assert.deepEqual(statuses(moved), ["mounted", "mounted", "mounted"]);
    assert.equal((await ok("id", `docker://${registry.host}/h/zstd:1`)).trim(), app.id);
  });

  for (const [format, docker] of [
    ["v2s2", true],
    ["oci", false],
  ] as const) {
    it(`changes nothing of an image in the form ${format} that is pushed where it came from, and its blobs go everywhere`, async () => {
      // Compressed as nobody here would compress it.
      const compress = (tar: Uint8Array) => gzipSync(tar, { level: 2, memLevel: 3 });
      const suffix = "+gzip";
      const layout = writeFiles(ociLayout([app], { compress, suffix, docker, naming: "none" }), space.dir(format));
      const name = `${registry.host}/l/${format}`;
      const flags = ["--dest-tls-verify=false", "--format", format, "--preserve-digests"];
      await runOk("skopeo", ["copy", "-q", ...flags, `oci:${layout}`, `docker://${name}:1`]);
      const { Digest: digest, Layers: blobs } = await skopeo(`l/${format}:1`);
      const fresh = space.join(`root-${format}`);
      await ok("pull", `${name}:1`, "--root", fresh);
      const log = registry.log().length;
      const same = await push(`${name}:1`, `l/${format}:1`, fresh);
      assert.deepEqual([same.digest, statuses(same)], [digest, ["exists", "exists", "exists"]]);
      assert.doesNotMatch(registry.log().slice(log), /"(?:PUT|POST|PATCH|DELETE) \/v2/);
      const again = await push(`${name}:1`, `l/${format}:2`, fresh);
      assert.deepEqual([again.digest, statuses(again)], [digest, ["exists", "exists", "exists"]]);
      const moved = await push(`${name}:1`, `m/${format}:1`, fresh);
      assert.deepEqual(statuses(moved), ["mounted", "mounted", "mounted"]);
      for (const pushed of [same, again, moved])
        assert.deepEqual(
          pushed.layers.map((each) => each.digest),
          blobs,
        );
      await daemon.dockerOk(["pull", "-q", `${registry.host}/m/${format}:1`]);
    });
  }

  it("sends an image without layers", async () => {
    await push("bare:1", "i/bare:1");
    assert.equal((await ok("id", `docker://${registry.host}/i/bare:1`)).trim(), bare.id);
  });

  it("notes what it has sent, as dockerd does", async () => {
    const { digest } = await push("app:1", "j/app:1");
    const { json } = await ovlJson<{ images: { id: string; repoDigests: string[] }[] }>(["images", "--root", root]);
    const digests = json.images.find(({ id }) => id === app.id)?.repoDigests;
    assert.ok(digests?.includes(`${registry.host}/j/app@${digest}`), String(digests));
  });

  it("compresses in the same way every time, and refuses layers that are not what they were", async () => {
    const twice = [];
    for (const name of ["x", "y"]) {
      const fresh = space.join(`fresh-${name}`);
      await using other = await startRegistry();
      await ok("pull", space.join("app.tar"), "--root", fresh);
      twice.push((await ovlJson<Pushed>(["push", "app:1", `${other.host}/app:1`, "--root", fresh])).json.digest);
    }
    assert.equal(twice[0], twice[1]);
    const damaged = space.join("damaged");
    await ok("pull", space.join("app.tar"), "--root", damaged);
    await runOk("sh", ["-c", `for f in ${damaged}/overlay2/*/diff/data; do [ ! -f $f ] || echo changed > $f; done`]);
    const refused = await ovl(["push", "app:1", `${registry.host}/k/app:1`, "--root", damaged]);
    assert.equal(refused.status, 1, refused.stderr);
    assert.equal((await ovl(["id", `docker://${registry.host}/k/app:1`])).status, 3, "no manifest without its layers");
  });
});

describe("ovl push to a registry with TLS and a password", { skip: oracle("docker-registry", "openssl") }, () => {
  it("asks for a password, given with the command or by ovl login, until ovl logout", async () => {
    using space = scratch("push-tls", 0);
    const user = { name: "ci", password: "s3cret-of-ci" };
    await using registry = await startRegistry({ tls: true, user });
    writeFileSync(space.join("app.tar"), archive(dockerArchive([app])));
    const trust = ["--cacert", registry.caFile as string];
    const env = credentialPlaces(space.dir("docker"));
    const at = ["--root", space.join("root")];
    assert.equal((await ovl(["pull", space.join("app.tar"), ...at])).status, 0);
    const target = `${registry.host}/team/app:1`;
    const stranger = await ovl(["push", "app:1", target, ...trust, ...at], { env });
    assert.equal(stranger.status, 7, stranger.stderr);
    const flags = ["-u", user.name, "--password-stdin", ...trust];
    const input = Buffer.from(`${user.password}\n`);
    const pushed = await ovl(["push", "app:1", target, ...flags, ...at], { env, input });
    assert.equal(pushed.status, 0, pushed.stderr);
    assert.match(pushed.stdout, /digest: sha256:[0-9a-f]{64} size: \d+\n$/);
    assert.equal(`${pushed.stdout}${pushed.stderr}`.includes(user.password), false);
    const config = space.join("docker/config.json");
    writeFileSync(config, JSON.stringify({ psFormat: "x", auths: { "other.example.com": { auth: "eDp5" } } }));
    const login = (password: string) => ovl(["login", registry.host, ...flags], { env, input: Buffer.from(password) });
    const refused = await login("wrong-password");
    assert.equal(refused.status, 7, refused.stderr);
    assert.match(readFileSync(config, "utf8"), /^\{"psFormat"/, "what was refused is not stored");
    const done = await login(user.password);
    assert.deepEqual([done.status, done.stdout], [0, `Logged in to ${registry.host}\n`], done.stderr);
    assert.equal(statSync(config).mode & 0o777, 0o600);
    const auth = Buffer.from(`${user.name}:${user.password}`).toString("base64");
    assert.deepEqual(JSON.parse(readFileSync(config, "utf8")), {
      psFormat: "x",
      auths: { "other.example.com": { auth: "eDp5" }, [registry.host]: { auth } },
    });
    assert.equal((await ovl(["push", "app:1", target, ...trust, ...at], { env })).status, 0);
    const gone = await ovlJson<{ removed: boolean }>(["logout", registry.host], { env });
    assert.equal(gone.json.removed, true);
    assert.deepEqual(JSON.parse(readFileSync(config, "utf8")).auths, { "other.example.com": { auth: "eDp5" } });
    assert.equal((await ovl(["push", "app:1", target, ...trust, ...at], { env })).status, 7);
  });
});
