/**
 * Containers and layers that name each other's directories: the file that is wrong is blamed, once, and nobody's
 * directory is changed or taken away for it.
 */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { rootUse } from "../../src/audit/du.js";
import type { FsckCode } from "../../src/audit/fsck-codes.js";
import type { FsckReport } from "../../src/audit/fsck-report.js";
import { fsck, fsckRepair } from "../../src/audit/fsck-run.js";
import { findOwners } from "../../src/audit/owner.js";
import { openStore } from "../../src/store/store.js";
import { copyRoot } from "../support/copy-root.js";
import { expectSound } from "../support/expect-sound.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { readTree } from "../support/tree.js";
import { type ContainerRoot, containerRoot, moved } from "./container-root.js";
import { pathsIn } from "./mutate.js";

const SHALLOW = { deep: false, jobs: 1 };
const HEX = "0123456789abcdef".repeat(4);

let work: Scratch;
let sound: ContainerRoot;
before(async () => {
  work = scratch("mixed-up", 0);
  sound = await containerRoot(work.join("sound"));
});
after(() => work[Symbol.dispose]());

let copies = 0;
function copy(): ContainerRoot {
  return moved(sound, copyRoot(sound.path, work.join(`copy-${copies++}`)));
}

async function look(root: string): Promise<FsckReport> {
  await using store = await openStore({ root, driver: null });
  return await fsck(store, SHALLOW);
}

const mend = (root: string) => fsckRepair({ root, driver: null }, SHALLOW);

/** Names and contents, without times. */
function state(root: string): string[] {
  return [...readTree(root)].map(([path, { mtimeNs, hardLinks, ...node }]) =>
    [path, JSON.stringify(node, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))].join(" "),
  );
}

function put(path: string, text: string): void {
  writeFileSync(path, text);
}

const cacheId = (layer: string | undefined) => readFileSync(join(layer ?? "", "cache-id"), "utf8");

function swap(one = "", other = ""): void {
  renameSync(one, `${one}.swap`);
  renameSync(other, one);
  renameSync(`${one}.swap`, other);
}

function copyLink(overlay2: string, from: string, to: string): void {
  put(join(overlay2, to, "link"), readFileSync(join(overlay2, from, "link"), "utf8"));
}

/** Files that containers have written, wherever they are now. */
function written(root: string): string[] {
  const paths = pathsIn(root).filter((path) => path.endsWith("/written"));
  return paths.map((path) => readFileSync(join(root, path), "utf8")).sort();
}

interface Mixture {
  readonly title: string;
  readonly codes: readonly FsckCode[];
  readonly mix: (root: ContainerRoot) => void;
}

const MENDED: readonly Mixture[] = [
  {
    title: "a mount-id with a wrong digit",
    codes: ["MOUNT_ID_BAD"],
    mix: ({ web }) => put(join(web.mount, "mount-id"), HEX),
  },
  {
    title: "the mount-id of another container",
    codes: ["MOUNT_ID_BAD"],
    mix: ({ web, job }) => put(join(web.mount, "mount-id"), job.mountId),
  },
  {
    title: "the init-id of another container for a mount-id",
    codes: ["MOUNT_ID_BAD"],
    mix: ({ plain, job }) => put(join(plain.mount, "mount-id"), `${job.mountId}-init`),
  },
  {
    title: "a layer's cache-id for a mount-id",
    codes: ["MOUNT_ID_BAD"],
    mix: ({ web, app2 }) => put(join(web.mount, "mount-id"), cacheId(app2.layers[2])),
  },
  {
    title: "an init-id with a wrong digit",
    codes: ["INIT_ID_BAD"],
    mix: ({ web }) => put(join(web.mount, "init-id"), `${HEX}-init`),
  },
  {
    title: "the init-id of another container",
    codes: ["INIT_ID_BAD"],
    mix: ({ web, job }) => put(join(web.mount, "init-id"), `${job.mountId}-init`),
  },
  {
    title: "a layer's cache-id for an init-id",
    codes: ["INIT_ID_BAD"],
    mix: ({ plain, app1 }) => put(join(plain.mount, "init-id"), cacheId(app1.layers[2])),
  },
  {
    title: "the parent of a container on another image",
    codes: ["MOUNT_PARENT_BAD"],
    mix: ({ web, app2 }) => put(join(web.mount, "parent"), app2.top),
  },
  {
    title: "the lower of a container on another image",
    codes: ["LOWER_WRONG"],
    mix: ({ web, job }) => put(join(web.init, "lower"), readFileSync(join(job.init, "lower"), "utf8")),
  },
  {
    title: "the image of another container",
    codes: ["CONTAINER_IMAGE_WRONG"],
    mix: ({ web, app1, app2 }) => put(web.config, readFileSync(web.config, "utf8").replaceAll(app1.id, app2.id)),
  },
  {
    title: "a container's directory under another name",
    codes: ["CONTAINER_DIR_WRONG"],
    mix: ({ web }) => renameSync(dirname(web.config), join(dirname(dirname(web.config)), HEX)),
  },
  {
    title: "a copy of a container's directory",
    codes: ["CONTAINER_DIR_WRONG"],
    mix: ({ web }) => cpSync(dirname(web.config), join(dirname(dirname(web.config)), HEX), { recursive: true }),
  },
  {
    title: "the directories of two containers in each other's place",
    codes: ["CONTAINER_DIR_WRONG"],
    mix: ({ web, job }) => swap(dirname(web.config), dirname(job.config)),
  },
  {
    title: "the directories of two containers in each other's place, one of them half way back",
    codes: ["CONTAINER_DIR_WRONG", "CONTAINER_DIR_WRONG"],
    mix: ({ web, job }) => {
      renameSync(dirname(web.config), join(dirname(dirname(web.config)), HEX));
      renameSync(dirname(job.config), dirname(web.config));
    },
  },
  {
    title: "the entry of a base layer under another name",
    codes: ["CHAIN_NAME_WRONG"],
    mix: ({ app1 }) => renameSync(app1.layers[0] ?? "", join(dirname(app1.layers[0] ?? ""), HEX)),
  },
  {
    title: "the entries of two layers in each other's place",
    codes: ["CHAIN_NAME_WRONG"],
    mix: ({ app1 }) => swap(app1.layers[0], app1.layers[2]),
  },
  {
    title: "the entries of two layers in each other's place, one of them half way back",
    codes: ["CHAIN_NAME_WRONG", "CHAIN_NAME_WRONG"],
    mix: ({ app1, app2 }) => {
      renameSync(app1.layers[0] ?? "", join(dirname(app1.layers[0] ?? ""), HEX));
      renameSync(app2.layers[2] ?? "", app1.layers[0] ?? "");
    },
  },
  {
    title: "an init layer of which only half was copied",
    codes: ["DIFF_MISSING"],
    mix: ({ web }) => {
      rmSync(join(web.init, "diff"), { recursive: true });
      rmSync(join(web.init, "link"));
    },
  },
  {
    title: "the link of another layer in a layer that others stand on",
    codes: ["LINK_FILE_WRONG"],
    mix: ({ overlay2, app1 }) => copyLink(overlay2, cacheId(app1.layers[2]), cacheId(app1.layers[1])),
  },
  {
    title: "the link of the layer below in a top layer",
    codes: ["LINK_FILE_WRONG"],
    mix: ({ overlay2, app1 }) => copyLink(overlay2, cacheId(app1.layers[0]), cacheId(app1.layers[2])),
  },
  {
    title: "the link of a layer in a read-write layer",
    codes: ["LINK_FILE_WRONG"],
    mix: ({ overlay2, app1, web }) => copyLink(overlay2, cacheId(app1.layers[0]), web.mountId),
  },
];

/** Nobody can say what is right, in a root whose layers cannot be rebuilt. */
const LEFT: readonly Mixture[] = [
  {
    title: "a mount-id and an init-id that lead nowhere",
    codes: ["INIT_DIR_MISSING", "RW_DIR_MISSING"],
    mix: ({ web }) => {
      put(join(web.mount, "mount-id"), HEX);
      put(join(web.mount, "init-id"), `${HEX}-init`);
    },
  },
  {
    title: "both ids of another container",
    codes: ["MOUNT_ID_BAD"],
    mix: ({ plain, job }) => {
      put(join(plain.mount, "mount-id"), job.mountId);
      put(join(plain.mount, "init-id"), `${job.mountId}-init`);
    },
  },
  {
    title: "a layer's cache-id for both ids",
    codes: ["MOUNT_ID_BAD"],
    mix: ({ web, app2 }) => {
      put(join(web.mount, "mount-id"), cacheId(app2.layers[2]));
      put(join(web.mount, "init-id"), cacheId(app2.layers[1]));
    },
  },
  {
    title: "a container's init-id for a layer's cache-id",
    codes: ["CACHE_ID_SHARED"],
    mix: ({ plain, app1 }) => put(join(app1.layers[1] ?? "", "cache-id"), `${plain.mountId}-init`),
  },
];

/** What an entry of layerdb/mounts says whose container is not there. */
const STRAYS: readonly (readonly [string, (root: ContainerRoot) => Record<string, string>])[] = [
  ["a layer's cache-id for an init-id", ({ app1 }) => ({ "init-id": cacheId(app1.layers[1]) })],
  ["a layer's cache-id for a mount-id", ({ app1 }) => ({ "mount-id": cacheId(app1.layers[2]) })],
  ["both ids of a container", ({ web }) => ({ "mount-id": web.mountId, "init-id": `${web.mountId}-init` })],
  ["the mount-id of a container", ({ web }) => ({ "mount-id": web.mountId })],
  ["nothing in it", () => ({})],
];

describe("fsck of containers and layers that are mixed up", () => {
  it("finds nothing wrong with the root as it was made", async () => {
    assert.deepEqual((await look(sound.path)).problems, []);
  });

  for (const { title, codes, mix } of MENDED) {
    it(`mends ${title}, and leaves the root as it was`, async () => {
      const root = copy();
      const before = state(root.path);
      mix(root);
      const { problems } = await look(root.path);
      assert.deepEqual(problems.map(({ code }) => code).sort(), codes, JSON.stringify(problems, null, 1));
      const { report, failures } = await mend(root.path);
      assert.deepEqual([report.ok, failures], [true, []], JSON.stringify(report.problems, null, 1));
      const after = state(root.path).filter((line) => !line.startsWith("ovl-lost+found"));
      assert.deepEqual(after, before);
      expectSound(root.path);
    });
  }

  it("counts no copy of a container's directory as a container", async () => {
    const { path, web } = copy();
    cpSync(dirname(web.config), join(path, "containers", HEX), { recursive: true });
    await using store = await openStore({ root: path, driver: null });
    const { containers } = rootUse(store).use;
    assert.deepEqual([containers.length, containers.filter(({ id }) => id === HEX)], [3, []]);
    const { owners } = findOwners(store, ["web"]);
    assert.deepEqual([...new Set(owners.flatMap((owner) => owner.containers.map(({ id }) => id)))], [web.id]);
  });

  for (const { title, codes, mix } of LEFT) {
    it(`changes nothing for ${title}`, async () => {
      const root = copy();
      mix(root);
      const before = state(root.path);
      const { problems } = await look(root.path);
      assert.deepEqual(problems.map(({ code }) => code).sort(), codes, JSON.stringify(problems, null, 1));
      await mend(root.path);
      assert.deepEqual(state(root.path), before);
    });
  }

  it("mends the parent of a container whose image was removed by force, and keeps its layers until then", async () => {
    const { path, web, app1, app2 } = copy();
    const image = join(path, "image/overlay2");
    rmSync(join(image, "imagedb/content", app1.id.replace(":", "/")));
    const names = JSON.parse(readFileSync(join(image, "repositories.json"), "utf8"));
    delete names.Repositories.app["app:1"];
    put(join(image, "repositories.json"), JSON.stringify(names));
    const before = state(path);
    put(join(web.mount, "parent"), app2.top);
    const { problems } = await look(path);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["MOUNT_PARENT_BAD"],
    );
    const { report } = await mend(path);
    assert.ok(report.ok, JSON.stringify(report.problems));
    assert.deepEqual(state(path), before);
  });

  it("keeps the files of a base layer whose entry has lost its name and its DiffID", async () => {
    const { path, overlay2, app1 } = copy();
    const [base = ""] = app1.layers;
    const files = join(overlay2, cacheId(base), "diff");
    rmSync(join(base, "diff"));
    renameSync(base, join(dirname(base), HEX));
    await mend(path);
    assert.ok(existsSync(files));
  });

  for (const [title, stray] of STRAYS) {
    it(`takes away an entry without a container that has ${title}, and nothing else`, async () => {
      const root = copy();
      const before = state(root.path);
      const dir = join(root.mounts, HEX);
      mkdirSync(dir);
      for (const [name, text] of Object.entries(stray(root))) put(join(dir, name), text);
      const { problems } = await look(root.path);
      assert.deepEqual(
        problems.map(({ code, path }) => [code, path]),
        [["MOUNT_WITHOUT_CONTAINER", dir]],
      );
      const { report, failures } = await mend(root.path);
      assert.deepEqual([report.ok, failures], [true, []], JSON.stringify(report.problems, null, 1));
      assert.deepEqual(state(root.path), before);
    });
  }

  it("takes no container apart in a copy without any container's files", async () => {
    const { path, mounts } = copy();
    rmSync(join(path, "containers"), { recursive: true });
    const before = state(path);
    const { report } = await mend(path);
    assert.deepEqual(state(path), before);
    assert.deepEqual(
      report.problems.map(({ code, repair, bytes }) => [code, repair, bytes]),
      readdirSync(mounts).map(() => ["MOUNT_WITHOUT_CONTAINER", null, 0]),
    );
  });

  it("keeps what BuildKit may own of an entry without a container", async () => {
    const { path, job } = copy();
    mkdirSync(join(path, "buildkit"));
    put(join(path, "buildkit/cache.db"), job.mountId);
    rmSync(join(path, "containers", job.id), { recursive: true });
    const { report } = await mend(path);
    assert.ok(report.ok, JSON.stringify(report.problems));
    assert.deepEqual([existsSync(job.mount), existsSync(join(job.rw, "diff/written"))], [false, true]);
  });

  it("moves aside what a container has written into a read-write layer that nothing names", async () => {
    const { path, job } = copy();
    const before = written(path);
    for (const part of [job.mount, join(path, "containers", job.id)]) rmSync(part, { recursive: true });
    const { problems } = await look(path);
    assert.deepEqual(problems.map(({ code }) => code).sort(), ["ORPHAN_INIT_DIR", "ORPHAN_LAYER_DIR"]);
    const { report } = await mend(path);
    assert.ok(report.ok, JSON.stringify(report.problems));
    assert.deepEqual(written(join(path, "ovl-lost+found")), ["by job"]);
    assert.deepEqual(written(path), before);
    expectSound(path);
  });
});
