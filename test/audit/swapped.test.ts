/** Layers that have each other's directories: every check of the metadata can be met with either; one rebuilds. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fsck, fsckRepair } from "../../src/audit/fsck-run.js";
import { createContainer } from "../../src/container/create.js";
import { OvlError } from "../../src/errors.js";
import type { ChainId } from "../../src/model/digest.js";
import { imageChain } from "../../src/store/chain.js";
import { resolveImage } from "../../src/store/resolve.js";
import { openStore } from "../../src/store/store.js";
import { copyRoot } from "../support/copy-root.js";
import { expectSound } from "../support/expect-sound.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { pullFile } from "../support/pull.js";
import { dir, file, layer } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { type DeepRoot, deepRoot } from "./deep-root.js";
import { examine, type FsckRoot, type LayerPaths } from "./root.js";

type Pair = (root: FsckRoot) => readonly [LayerPaths, LayerPaths];

const PAIRS: readonly (readonly [string, Pair])[] = [
  ["the base and the top", ({ base, top }) => [base, top]],
  ["a layer and the one below", ({ layer, below }) => [layer, below]],
  ["a layer and the top", ({ layer, top }) => [layer, top]],
];

/** Who has a container, and whether another layer stands on each of the two. */
const STANDING: readonly (readonly [string, readonly string[], boolean])[] = [
  ["the containers of both", ["one", "two"], false],
  ["the container of one", ["one"], false],
  ["the layers on top", [], true],
  ["layers and containers on top", ["one", "two"], true],
];

const SPOILT: readonly (readonly [string, (tarSplit: string) => void])[] = [
  ["", () => {}],
  [" where no layer can be rebuilt", (tarSplit) => rmSync(tarSplit)],
];

/** Two images, one and two, that differ above their base. @returns the files with the cache-ids of what stands on it */
async function siblings(root: string, containers: readonly string[], above: boolean): Promise<[string, string]> {
  const part = (name: string, mode: number) =>
    layer(dir("d/"), file("d/f", name.repeat(9), { mode }), file(name, name), dir(`of-${name}/`));
  const base = part("base", 0o644);
  const own = (name: string, mode: number) =>
    image({
      layers: [base, part(name, mode), ...(above ? [part(`on ${name}`, 0o644)] : [])],
      names: [`${name}:latest`],
    });
  const tar = `${root}.tar`;
  writeFileSync(tar, archive(dockerArchive([own("one", 0o600), own("two", 0o755)])));
  const pulled = await pullFile(root, tar);
  if (pulled instanceof OvlError) throw pulled;
  await using store = await openStore({ root, driver: null }, "write");
  const options = { command: ["sh"], env: [], workingDir: null, entrypoint: null, hostname: null, labels: new Map() };
  for (const name of containers) await createContainer(store, name, { ...options, name });
  const at = (name: string) => imageChain(store, resolveImage(store, name)).layers[1] as { chainId: ChainId };
  const [one, two] = ["one", "two"].map((name) => join(store.layers.dir(at(name).chainId), "cache-id"));
  return [one as string, two as string];
}

/** The name of a container's init layer. */
function initOf(root: string, name: string): string {
  const containers = readdirSync(join(root, "containers"));
  const id = containers.find((one) =>
    readFileSync(join(root, "containers", one, "config.v2.json"), "utf8").includes(`"Name":"/${name}"`),
  );
  return readFileSync(join(root, "image/overlay2/layerdb/mounts", id ?? "", "init-id"), "utf8");
}

describe("layers that have each other's directories", { skip: oracle("root", "setfattr") }, () => {
  let work: Scratch;
  let sound: DeepRoot;
  let copies = 0;
  before(async () => {
    work = scratch("swapped", 0);
    sound = await deepRoot(work);
  });
  after(() => work?.[Symbol.dispose]());

  /** Two files of a root given each other's text, which each has again after the repair. */
  async function expectSwapMended(root: string, files: readonly [string, string]): Promise<void> {
    const [one, other] = files.map((file) => readFileSync(file, "utf8")) as [string, string];
    writeFileSync(files[0], other);
    writeFileSync(files[1], one);
    await expectMended(root);
    assert.deepEqual(
      files.map((file) => readFileSync(file, "utf8")),
      [one, other],
    );
  }

  async function expectMended(root: string, deep = false): Promise<void> {
    await using store = await openStore({ root, driver: null });
    assert.ok(!(await fsck(store, { deep, jobs: 1 })).ok);
    const { report, failures } = await fsckRepair({ root, driver: null }, { deep, jobs: 1 });
    assert.deepEqual([report.ok, failures], [true, []], JSON.stringify(report.problems, null, 1));
    await using mended = await openStore({ root, driver: null });
    const { problems } = await fsck(mended, { deep: true, jobs: 1 });
    assert.deepEqual(problems, []);
    expectSound(root);
  }

  for (const [title, pair] of PAIRS) {
    it(`are found where the cache-ids of ${title} were swapped`, async () => {
      const root = await examine(copyRoot(sound.path, work.join(`copy-${copies++}`)));
      const files = pair(root).map(({ db }) => join(db, "cache-id")) as [string, string];
      await expectSwapMended(root.path, files);
    });

    it(`are found where the directories of ${title} were swapped`, async () => {
      const root = await examine(copyRoot(sound.path, work.join(`copy-${copies++}`)));
      const [one, other] = pair(root);
      renameSync(one.dir, `${one.dir}.swap`);
      renameSync(other.dir, one.dir);
      renameSync(`${one.dir}.swap`, other.dir);
      await expectMended(root.path);
    });
  }

  for (const deep of [false, true]) {
    const how = deep ? ", and nothing is changed in them where contents are looked at" : "";
    for (const [title, names, above] of STANDING) {
      it(`are found by ${title}, where they stand on one layer${how}`, async () => {
        const root = work.join(`copy-${copies++}`);
        const files = await siblings(root, names, above);
        const before = files.map((file) => readFileSync(file, "utf8")) as [string, string];
        writeFileSync(files[0], before[1]);
        writeFileSync(files[1], before[0]);
        await expectMended(root, deep);
        assert.deepEqual(
          files.map((file) => readFileSync(file, "utf8")),
          before,
        );
      });
    }
  }

  it("are found by their files alone, where nothing stands on them", async () => {
    const root = work.join(`copy-${copies++}`);
    const files = await siblings(root, [], false);
    const before = files.map((file) => readFileSync(file, "utf8")) as [string, string];
    writeFileSync(files[0], before[1]);
    writeFileSync(files[1], before[0]);
    await using store = await openStore({ root, driver: null });
    const { problems } = await fsck(store, { deep: true, jobs: 1 });
    assert.deepEqual(
      problems.map(({ code, path }) => [code, path]).sort(),
      files.map((path) => ["CACHE_ID_SHARED", path]).sort(),
    );
    await expectMended(root, true);
    assert.deepEqual(
      files.map((file) => readFileSync(file, "utf8")),
      before,
    );
  });

  for (const [title, spoil] of SPOILT) {
    it(`are told from a container that has another's lower${title}`, async () => {
      const root = work.join(`copy-${copies++}`);
      const files = await siblings(root, ["one", "two"], false);
      const init = (name: string) => join(root, "overlay2", initOf(root, name), "lower");
      const right = readFileSync(init("one"), "utf8");
      writeFileSync(init("one"), readFileSync(init("two")));
      for (const file of files) spoil(join(dirname(file), "tar-split.json.gz"));
      await fsckRepair({ root, driver: null }, { deep: false, jobs: 1 });
      assert.equal(readFileSync(init("one"), "utf8"), right);
    });
  }

  it("are told from layers that have each other's lower", async () => {
    const root = await examine(copyRoot(sound.path, work.join(`copy-${copies++}`)));
    const files = [root.below, root.top].map(({ dir }) => join(dir, "lower")) as [string, string];
    await expectSwapMended(root.path, files);
  });
});
