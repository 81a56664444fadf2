/** A dockerd started on a root that only ovl wrote takes it for its own, and agrees with ovl on what is in it. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Dockerd, startDockerd } from "../support/dockerd.js";
import { helloElf } from "../support/hello-elf.js";
import { archive, dockerArchive, gzip, type Image, image, ociLayout, writeFiles } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { runOk } from "../support/run.js";
import { dir, file, hardlink, layer, opaque, symlink, whiteout } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { assertSameHistory, assertSameInspect, assertSaved, linesOf } from "./agreement.js";

const base = layer(
  file("hello", helloElf("hello from ovl\n"), { mode: 0o755 }),
  dir("etc/"),
  file("etc/motd", "lower"),
  dir("gone/"),
  file("gone/x", "x"),
);
const history = [
  { created: "2020-01-01T00:00:00Z", created_by: "/bin/sh -c #(nop) ADD file:1 in / ", comment: "base" },
  { created: "2020-01-02T00:00:00.5Z", created_by: '/bin/sh -c #(nop)  CMD ["/hello"]', empty_layer: true },
];

const hello = image({
  names: ["adopted/hello:1", "localhost:5000/hello:latest"],
  layers: [base],
  config: { history, config: { Cmd: ["/hello"], Env: ["A=1"], Labels: { l: "v" }, WorkingDir: "/etc" }, author: "me" },
});
const child = image({
  names: ["adopted/child:1"],
  layers: [
    base,
    layer(whiteout("gone"), file("etc/motd", "upper"), hardlink("etc/issue", "etc/motd"), symlink("etc/l", "motd")),
    layer(dir("etc/"), opaque("etc"), file("etc/motd", "top")),
  ],
});
const unnamed = image({ layers: [base, layer(file("unnamed", "u"))], config: { created: undefined } });
const oci = image({
  names: ["adopted/oci:v2"],
  layers: [layer(file("hello", helloElf("from OCI\n"), { mode: 0o755 }))],
});
const empty = image({ names: ["adopted/empty:1"], layers: [], config: { comment: "no layers" } });
const all: readonly Image[] = [hello, child, unnamed, oci, empty];

describe("a root that only ovl wrote", { skip: oracle("root", "dockerd") }, () => {
  let space: Scratch;
  let root: string;
  let daemon: Dockerd;

  before(async () => {
    space = scratch("adoption");
    root = space.join("root");
    const saved = space.join("saved.tar");
    writeFileSync(saved, archive(dockerArchive([hello, child, unnamed])));
    const layout = writeFiles(ociLayout([oci], { compress: gzip, suffix: "+gzip" }), space.dir("layout"));
    await pull(saved);
    await pull(`oci:${layout}`);
    const piped = await ovl(["pull", "-", "--root", root], { input: gzip(archive(dockerArchive([empty]))) });
    assert.equal(piped.status, 0, piped.stderr);
    daemon = await startDockerd(root);
  });
  after(async () => {
    await daemon?.stop();
    space?.[Symbol.dispose]();
  });

  async function pull(source: string): Promise<void> {
    const { status, stderr } = await ovl(["pull", source, "--root", root]);
    assert.equal(status, 0, stderr);
  }

  it("lists the same images in docker and ovl", async () => {
    const byDocker = new Map<string, string[]>();
    for (const line of linesOf(
      await daemon.dockerOk(["images", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"]),
    )) {
      const [id = "", name = ""] = line.split(" ");
      byDocker.set(id, [...(byDocker.get(id) ?? []), ...(name === "<none>:<none>" ? [] : [name])]);
    }
    const { json } = await ovlJson<{ images: { id: string; repoTags: string[] }[] }>(["images", "--root", root]);
    const byOvl = new Map(json.images.map(({ id, repoTags }) => [id, repoTags]));
    for (const { id, names } of all) {
      assert.deepEqual(byDocker.get(id)?.sort(), [...names].sort());
      assert.deepEqual(byOvl.get(id)?.slice().sort() ?? [], [...names].sort());
    }
    assert.deepEqual([byDocker.size, byOvl.size], [all.length, all.length]);
  });

  for (const [name, { id }] of Object.entries({ hello, child, unnamed, oci, empty })) {
    it(`inspects ${name} to the same document`, () => assertSameInspect(daemon, id));
    it(`tells the same history of ${name}`, () => assertSameHistory(daemon, id));
  }

  it("runs programs from its images", async () => {
    assert.equal(await run("adopted/hello:1"), "hello from ovl\n");
    assert.equal(await run("adopted/oci:v2"), "from OCI\n");
    assert.equal(await run(child.id), "hello from ovl\n");
  });
  const run = (of: string) => daemon.dockerOk(["run", "--rm", "--network=none", of]);

  it("shows containers the merged layers: whiteouts delete, opaque directories hide", async () => {
    const container = (await daemon.dockerOk(["create", "--network=none", child.id])).trim();
    const tar = space.join("export.tar");
    await daemon.dockerOk(["export", "-o", tar, container]);
    const names = linesOf((await runOk("tar", ["-tf", tar])).toString("utf8"));
    assert.ok(names.includes("hello"));
    assert.ok(names.includes("etc/motd"));
    assert.ok(!names.some((name) => /^gone|^etc\/(issue|l)$/.test(name)), names.join(" "));
    assert.equal((await runOk("tar", ["-xOf", tar, "etc/motd"])).toString("utf8"), "top");
    await daemon.dockerOk(["rm", container]);
  });

  it("is saved with the layers it was made of", () =>
    assertSaved(daemon, [hello, child, unnamed, oci], space.join("given-back")));

  it("is built upon", async () => {
    const context = space.join("context");
    mkdirSync(context);
    writeFileSync(join(context, "Dockerfile"), "FROM adopted/child:1\nCOPY Dockerfile /built\nLABEL x=y\n");
    await daemon.dockerOk(["build", "-q", "-t", "adopted/built:1", context]);
    assert.equal(await run("adopted/built:1"), "hello from ovl\n");
  });

  it("takes the same archive again without a second copy of its layers", async () => {
    const before = await layerCount();
    assert.equal(await daemon.load(archive(dockerArchive([hello, child, unnamed]))), null);
    assert.equal(await layerCount(), before);
  });
  const layerCount = async () =>
    (await runOk("find", [join(root, "image/overlay2/layerdb/sha256"), "-maxdepth", "1"])).toString().split("\n")
      .length;

  it("has its images removed by docker, layer by layer", async () => {
    await daemon.dockerOk(["rmi", "-f", "adopted/built:1", oci.id, unnamed.id, empty.id]);
    const left = linesOf(await daemon.dockerOk(["images", "-aq", "--no-trunc"]));
    assert.deepEqual([...new Set(left)].sort(), [hello.id, child.id].sort());
  });

  it("is refused to writers while the daemon runs, and taken again after", async () => {
    const refused = await ovl(["pull", space.join("saved.tar"), "--root", root]);
    assert.equal(refused.status, 5, refused.stderr);
    await daemon.stop();
    const { json } = await ovlJson<{ images: { layers: { status: string }[] }[] }>([
      ...["pull", space.join("saved.tar"), "--root", root],
    ]);
    const statuses = json.images.map(({ layers }) => layers.map(({ status }) => status).join());
    assert.deepEqual(statuses, ["exists", "exists,exists,exists", "exists,extracted"]);
  });
});
