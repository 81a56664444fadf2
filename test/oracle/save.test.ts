/**
 * What ovl saves, judged by those who read it: dockerd, skopeo, umoci, podman. Every image that both take is in one
 * root, which is saved as a whole; and a real Debian with layers on it.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openSource } from "../../src/source/open-source.js";
import type { ImageSource, SourceImage } from "../../src/source/source.js";
import { type PulledImage, pull } from "../../src/store/pull.js";
import { type SaveOptions, save } from "../../src/store/save.js";
import { openStore } from "../../src/store/store.js";
import { debianTar } from "../support/debian.js";
import { type Dockerd, startDockerd } from "../support/dockerd.js";
import { archive, chainIds, dockerArchive, image } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { run, runOk } from "../support/run.js";
import { copiedImage, dockerImages, ociImages, readJson, type SavedImage, unpack } from "../support/saved.js";
import { dir, file, layer, opaque, symlink, whiteout } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { corpus } from "./corpus.js";

const JOBS = 2;

async function pullAll(root: string, files: readonly string[]): Promise<readonly PulledImage[]> {
  const sources: ImageSource[] = [];
  try {
    const images: SourceImage[] = [];
    for (const file of files) {
      const { source } = await openSource(file);
      sources.push(source);
      images.push(...(await source.images({ name: null, platform: null })));
    }
    await using store = await openStore({ root, driver: null }, "write");
    return (await pull(store, images, { tags: [], expect: null, strict: false, jobs: JOBS })).images;
  } finally {
    for (const source of sources) await source[Symbol.asyncDispose]();
  }
}

async function saveFrom(
  root: string,
  names: readonly string[],
  options: Pick<SaveOptions, "output"> & Partial<SaveOptions>,
): Promise<string> {
  await using store = await openStore({ root, driver: null });
  const defaults = { format: "docker-archive", compression: "none", since: null, jobs: JOBS } as const;
  return (await save(store, names, { ...defaults, ...options })).file;
}

/** Ids and DiffIDs as dockerd has them. */
async function inspected(daemon: Dockerd, ids: readonly string[]): Promise<SavedImage[]> {
  const json = JSON.parse(await daemon.dockerOk(["image", "inspect", ...ids])) as {
    Id: string;
    RootFS: { Layers?: string[] };
  }[];
  return json.map(({ Id, RootFS }) => ({ id: Id, diffIds: RootFS.Layers ?? [] }));
}

const identity = ({ id, diffIds }: SavedImage): SavedImage => ({ id, diffIds });
const sorted = (images: readonly SavedImage[]) => images.map(identity).sort((a, b) => (a.id < b.id ? -1 : 1));

describe("the corpus, saved", { skip: oracle("root", "dockerd") }, () => {
  let work: Scratch;
  let root: string;
  let layout: string;
  /** Each id once. */
  let images: SavedImage[];
  /** What each image is asked for by: its name, else its id. */
  const names: string[] = [];

  before(async () => {
    work = scratch("save-oracle");
    root = work.join("root");
    const cases = [...corpus.values()].flat().filter((each) => each.refused === null && !each.lossy && !each.apart);
    const files = cases.map((each, i) => {
      writeFileSync(work.join(`${i}.tar`), each.archive);
      return work.join(`${i}.tar`);
    });
    const pulled = new Map((await pullAll(root, files)).map(({ id, layers }) => [id as string, layers]));
    await using store = await openStore({ root, driver: null });
    images = [...pulled].map(([id, layers]) => ({ id, diffIds: layers.map(({ diffId }) => diffId) }));
    for (const { id } of images) {
      const [name] = store.repositories.of(id as never).filter(({ tag }) => tag !== null);
      names.push(name === undefined ? id : `${name.domain}/${name.path}:${name.tag}`);
    }
    assert.ok(images.length > 150, `${images.length} images`);
  });
  after(() => work?.[Symbol.dispose]());

  it("is the same in dockerd that loads it, and what dockerd then saves has the same layers", async () => {
    const archive = await saveFrom(root, names, { output: work.join("all.tar") });
    const dockerRoot = work.join("dockerd");
    const withLayers = images.filter(({ diffIds }) => diffIds.length > 0).map(({ id }) => id);
    {
      await using daemon = await startDockerd(dockerRoot);
      await daemon.dockerOk(["load", "-q", "-i", archive]);
      assert.deepEqual(
        await inspected(
          daemon,
          images.map(({ id }) => id),
        ),
        images,
      );
      await daemon.dockerOk(["save", "-o", work.join("by-docker.tar"), ...withLayers]);
    }
    unpack(work.join("by-docker.tar"), work.join("by-docker"));
    const byDocker = dockerImages(work.join("by-docker"));
    assert.deepEqual(sorted(byDocker), sorted(images.filter(({ diffIds }) => diffIds.length > 0)));
    const again = await saveFrom(dockerRoot, names, { output: work.join("from-docker.tar") });
    execFileSync("cmp", [archive, again]);
  });

  it("is the same in a layout, whose every blob is what its name says", async () => {
    layout = await saveFrom(root, names, { output: work.join("layout"), format: "oci", compression: "gzip" });
    assert.deepEqual(ociImages(layout), images);
  });

  it("is the same in skopeo, image by image", { skip: oracle("skopeo") }, async () => {
    const { manifests } = readJson<{ manifests: object[] }>(layout, "index.json");
    const queue = [...manifests.entries()];
    const check = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const [i, manifest] = next;
        const { id } = images[i] as SavedImage;
        // skopeo takes the only image of a layout: one such layout for each, with the blobs of all.
        const [one, copy] = [work.dir(`skopeo-${i}`), work.join(`skopeo-${i}-copy`)];
        symlinkSync(join(layout, "blobs"), join(one, "blobs"));
        writeFileSync(join(one, "oci-layout"), readFileSync(join(layout, "oci-layout")));
        writeFileSync(join(one, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
        await runOk("skopeo", ["--insecure-policy", "copy", "-q", `oci:${one}`, `dir:${copy}`]);
        assert.equal(copiedImage(copy).id, id);
      }
    };
    await Promise.all([check(), check(), check()]);
  });
});

describe("an image with everything", { skip: oracle("root", "dockerd") }, () => {
  const layers = [
    layer(dir("etc/"), file("etc/passwd", "root:x:0:0:root:/:/bin/sh\n"), file("big", Buffer.alloc(3_000_000, "big"))),
    layer(whiteout("etc/passwd"), dir("etc/new/", { uid: 7 }), symlink("etc/link", "new"), opaque("var")),
    layer(file("etc/new/file", "x", { mode: 0o4755, mtime: 5 })),
  ];
  const base = image({ layers: layers.slice(0, 1), names: ["all/base:1"] });
  const next = image({ layers, names: ["all/next:1", "all/next:latest"] });
  const full = image({ layers: [...layers, ...layers.slice(0, 2)], names: ["all/full:1", "other.example.com/full:2"] });
  let work: Scratch;
  let root: string;

  before(async () => {
    work = scratch("save-oracle", 0);
    root = work.join("root");
    writeFileSync(work.join("in.tar"), archive(dockerArchive([base, next, full])));
    await pullAll(root, [work.join("in.tar")]);
  });
  after(() => work?.[Symbol.dispose]());

  it("goes to dockerd as a difference, where its base is, and nowhere else", async () => {
    const thin = await saveFrom(root, next.names, { output: work.join("thin.tar"), since: "all/base:1" });
    const baseTar = await saveFrom(root, base.names, { output: work.join("base.tar") });
    await using daemon = await startDockerd(work.join("dockerd"));
    const { status, stderr } = await daemon.docker(["load", "-q", "-i", thin]);
    assert.equal(status, 1);
    assert.match(stderr, /no such file or directory/);
    await daemon.dockerOk(["load", "-q", "-i", baseTar]);
    const said = await daemon.dockerOk(["load", "-q", "-i", thin]);
    assert.deepEqual(said.trim().split("\n").sort(), next.names.map((name) => `Loaded image: ${name}`).sort());
    assert.deepEqual(await inspected(daemon, [next.id]), [identity(next)]);
    unpack(thin, work.join("thin"));
    const [item] = readJson<{ BaseChainID: string }[]>(work.join("thin/manifest.json"));
    assert.equal(item?.BaseChainID, chainIds(base.diffIds).at(-1));
  });

  it("is read by skopeo in every format", { skip: oracle("skopeo") }, async () => {
    for (const [format, compression, transport] of [
      ["docker-archive", "none", "docker-archive"],
      ["docker-archive", "none", "oci-archive"],
      ["oci-archive", "gzip", "oci-archive"],
      ["oci-archive", "zstd", "oci-archive"],
      ["oci", "none", "oci"],
    ] as const) {
      const output = await saveFrom(root, ["all/full:1"], {
        output: work.join(`skopeo-${format}-${compression}`),
        format,
        compression,
      });
      const copy = work.join(`copy-${format}-${compression}-${transport}`);
      await runOk("skopeo", ["--insecure-policy", "copy", "-q", `${transport}:${output}`, `dir:${copy}`]);
      assert.deepEqual(copiedImage(copy), identity(full), `${transport} ${compression}`);
    }
  });

  it("is unpacked by umoci, which checks every DiffID", { skip: oracle("umoci") }, async () => {
    const layout = await saveFrom(root, ["all/full:1"], {
      output: work.join("umoci"),
      format: "oci",
      compression: "gzip",
    });
    await runOk("umoci", ["unpack", "--image", `${layout}:1`, work.join("bundle")]);
    assert.equal(readFileSync(work.join("bundle/rootfs/etc/new/file"), "utf8"), "x");
  });

  it("is loaded by podman under its names", { skip: oracle("podman") }, async (t) => {
    const podman = (...args: string[]) => {
      const places = ["--root", work.join("podman"), "--runroot", work.join("podman-run"), "--storage-driver", "vfs"];
      return run("podman", [...places, "--events-backend", "file", "--cgroup-manager", "cgroupfs", ...args]);
    };
    const { status, stderr } = await podman("images");
    if (status !== 0) return t.skip(`podman does not run here: ${stderr.trim()}`);
    for (const [names, output] of [
      [full.names, "two.tar"],
      [["all/full:1"], "one.tar"],
    ] as const) {
      const loaded = await podman("load", "-q", "-i", await saveFrom(root, names, { output: work.join(output) }));
      assert.equal(loaded.status, 0, loaded.stderr);
    }
    const inspected = await podman("image", "inspect", "docker.io/all/full:1", "other.example.com/full:2");
    assert.equal(inspected.status, 0, inspected.stderr);
    const found = JSON.parse(inspected.stdout.toString()) as { Id: string; RootFS: { Layers: string[] } }[];
    const expected = { id: full.id.slice("sha256:".length), diffIds: full.diffIds };
    assert.deepEqual(
      found.map(({ Id, RootFS }) => ({ id: Id, diffIds: RootFS.Layers })),
      [expected, expected],
    );
  });
});

describe("a Debian image, saved", { skip: oracle("root", "dockerd", "mmdebstrap") }, () => {
  it("is given back the same by ovl and by dockerd, from either one's root", async () => {
    using work = scratch("save-debian");
    const layers = [readFileSync(await debianTar()), layer(whiteout("usr/share/doc"), file("etc/motd", "hello\n"))];
    const debian = image({ layers, names: ["debian:saved"] });
    writeFileSync(work.join("in.tar"), archive(dockerArchive([debian])));
    await pullAll(work.join("root"), [work.join("in.tar")]);
    const saved = await saveFrom(work.join("root"), debian.names, { output: work.join("ovl.tar") });
    {
      await using daemon = await startDockerd(work.join("dockerd"));
      await daemon.dockerOk(["load", "-q", "-i", saved]);
      assert.deepEqual(await inspected(daemon, [debian.id]), [identity(debian)]);
      await daemon.dockerOk(["save", "-o", work.join("docker.tar"), "debian:saved"]);
    }
    execFileSync("cmp", [
      saved,
      await saveFrom(work.join("dockerd"), debian.names, { output: work.join("again.tar") }),
    ]);
    for (const name of ["ovl", "docker"]) {
      mkdirSync(work.join(name));
      unpack(work.join(`${name}.tar`), work.join(name));
      assert.deepEqual(dockerImages(work.join(name)), [identity(debian)], name);
    }
    const layout = await saveFrom(work.join("root"), debian.names, {
      output: work.join("layout"),
      format: "oci",
      compression: "gzip",
    });
    assert.deepEqual(ociImages(layout), [identity(debian)]);
  });
});
