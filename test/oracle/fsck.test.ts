/**
 * `ovl fsck` of a root that dockerd wrote: clean as it is; then damaged in one place at a time. Exactly that place is
 * found, mended as its code says, a second look is clean, and dockerd starts on what was mended and works.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { rootUse } from "../../src/audit/du.js";
import type { FsckReport } from "../../src/audit/fsck-report.js";
import { fsck, fsckRepair } from "../../src/audit/fsck-run.js";
import { findOwners } from "../../src/audit/owner.js";
import { openSource } from "../../src/source/open-source.js";
import { openStore } from "../../src/store/store.js";
import { DEEP_FAULTS } from "../audit/deep-faults.js";
import { deepArchive } from "../audit/deep-root.js";
import { DIRECTORY_FAULTS, FAULTS } from "../audit/faults.js";
import { APP, examine } from "../audit/root.js";
import { copyRoot } from "../support/copy-root.js";
import { startDockerd } from "../support/dockerd.js";
import { oracle } from "../support/oracles.js";
import { type Scratch, scratch } from "../support/tmp.js";

/** Starting a daemon takes as long as twenty repairs: every so many of them. */
const SAMPLE = 8;

async function look(root: string, deep: boolean): Promise<FsckReport> {
  await using store = await openStore({ root, driver: null });
  return await fsck(store, { deep, jobs: 2 });
}

/** An image of five layers and one built on it, a container, and what deleted images and containers leave: nothing. */
async function writtenByDockerd(root: string, archive: string, work: Scratch): Promise<void> {
  await using daemon = await startDockerd(root);
  await daemon.dockerOk(["load", "-i", archive]);
  const context = work.dir("context");
  writeFileSync(join(context, "file"), "built");
  writeFileSync(join(context, "Dockerfile"), `FROM ${APP}\nCOPY file /\nENV A=1\n`);
  await daemon.dockerOk(["build", "-t", "built:1", context]);
  writeFileSync(join(context, "file"), "built again");
  await daemon.dockerOk(["build", "-t", "gone:1", context]);
  await daemon.dockerOk(["create", "--name", "gone", "--network=none", "gone:1", "/hello"]);
  await daemon.dockerOk(["rm", "gone"]);
  await daemon.dockerOk(["rmi", "gone:1"]);
  await daemon.dockerOk(["create", "--name", "web", "--network=none", APP, "/hello"]);
  await daemon.dockerOk(["start", "web"]);
  await daemon.dockerOk(["wait", "web"]);
  await daemon.stop();
}

async function expectDockerWorks(root: string): Promise<void> {
  await using daemon = await startDockerd(root);
  assert.match(await daemon.dockerOk(["run", "--rm", "--network=none", "built:1", "/hello"]), /./);
  assert.match(await daemon.dockerOk(["ps", "-a", "--format", "{{.Names}}"]), /web/);
  await daemon.dockerOk(["start", "web"]);
  await daemon.dockerOk(["wait", "web"]);
  await daemon.dockerOk(["inspect", "web", APP, "built:1"]);
  const saved = await daemon.docker(["save", APP, "built:1"]);
  assert.equal(saved.status, 0, saved.stderr);
  await daemon.dockerOk(["rm", "web"]);
  await daemon.stop();
}

describe("ovl fsck of a root that dockerd wrote", { skip: oracle("root", "dockerd", "setfattr") }, () => {
  let work: Scratch;
  let pristine: string;
  let archive: string;
  let copies = 0;
  before(async () => {
    work = scratch("fsck-oracle");
    pristine = work.join("root");
    archive = deepArchive(work);
    await writtenByDockerd(pristine, archive, work);
    const { rw } = await examine(pristine);
    writeFileSync(join(rw, "diff/written"), "by the container");
  });
  after(() => work[Symbol.dispose]());

  it("finds nothing wrong with it", async () => {
    assert.deepEqual((await look(pristine, true)).problems, []);
  });

  it("finds nothing wrong with it while dockerd works on it, and mends nothing then", async () => {
    const root = copyRoot(pristine, work.join("live"));
    await using daemon = await startDockerd(root);
    await daemon.dockerOk(["create", "--name", "live", "--network=none", APP, "/hello"]);
    assert.deepEqual((await look(root, true)).problems, []);
    await assert.rejects(fsckRepair({ root, driver: null }, { deep: false, jobs: 1 }), { code: "DAEMON_RUNNING" });
    await daemon.stop();
    assert.deepEqual((await look(root, true)).problems, []);
  });

  const mendable = [...FAULTS, ...DIRECTORY_FAULTS, ...DEEP_FAULTS].filter(({ repair }) => repair !== "stays");
  mendable.forEach(({ class: id, title, code, inject, repair }, i) => {
    const sampled = i % SAMPLE === 0 && !/C1|C2/.test(id);
    const how = repair === "mended" ? "mends" : "restores";
    it(`finds and ${how} ${title} (${id}, ${code})${sampled ? "; dockerd works on it" : ""}`, async () => {
      const root = copyRoot(pristine, work.join(`copy-${copies++}`));
      inject(await examine(root));
      // What metadata shows is found without reading contents.
      const deep = (DEEP_FAULTS as readonly { title: string }[]).some((one) => one.title === title);
      assert.deepEqual(
        (await look(root, deep)).problems.map((problem) => problem.code),
        [code],
      );
      const { source } = await openSource(archive);
      await using from = source;
      const images = repair === "restored" ? await from.images({ name: null, platform: null }) : [];
      const { report, failures } = await fsckRepair({ root, driver: null }, { deep: true, jobs: 2, images });
      assert.deepEqual(failures, []);
      assert.ok(report.ok, JSON.stringify(report.problems, null, 1));
      assert.equal(report.problems[0]?.code, code);
      if (sampled) {
        await expectDockerWorks(root);
        assert.deepEqual((await look(root, true)).problems, []);
      }
    });
  });
});

describe("ovl fsck beside BuildKit", { skip: oracle("root", "dockerd") }, () => {
  it("never takes for an orphan what a build has cached, and cleans up after an interrupted one", async () => {
    using work = scratch("fsck-buildkit");
    const root = work.join("root");
    await buildWithBuildKit(root, work);
    const cached = readdirSync(join(root, "overlay2")).filter((name) => /^[0-9a-z]{25}$/.test(name));
    assert.ok(cached.length > 0, "BuildKit has layers of its own");
    assert.deepEqual((await look(root, true)).problems, []);
    const { report } = await fsckRepair({ root, driver: null }, { deep: true, jobs: 2 });
    assert.deepEqual(report.problems, []);
    // A classic build that was cut off leaves directories that nothing names.
    mkdirSync(join(root, "overlay2", "ab".repeat(32), "diff"), { recursive: true });
    const found = await look(root, false);
    assert.deepEqual(
      found.problems.map(({ code }) => code),
      ["ORPHAN_LAYER_DIR"],
    );
    const mended = await fsckRepair({ root, driver: null }, { deep: false, jobs: 1 });
    assert.ok(mended.report.ok);
    assert.deepEqual(
      readdirSync(join(root, "overlay2"))
        .filter((name) => /^[0-9a-z]{25}$/.test(name))
        .sort(),
      cached.sort(),
    );
    await expectBuildCache(root, cached);
    await using daemon = await startDockerd(root);
    const built = await daemon.docker(["build", "--network=none", "-q", work.join("context")], {
      env: { DOCKER_BUILDKIT: "1" },
    });
    assert.equal(built.status, 0, built.stderr);
    await daemon.stop();
  });
});

/** What layerdb does not have is BuildKit's to `owner`, and its bytes are to `du`; nothing is an orphan. */
async function expectBuildCache(root: string, cached: readonly string[]): Promise<void> {
  await using store = await openStore({ root, driver: null });
  const { owners, missing } = findOwners(store, [...cached]);
  assert.equal(missing, null);
  const own = owners.filter(({ kind }) => kind === "build-cache");
  assert.ok(own.length > 0 && own.length < cached.length + 1, `${own.length} of ${cached.length}`);
  for (const { kind, chainId, images } of owners) {
    assert.equal(kind, chainId === null ? "build-cache" : "image-layer");
    assert.deepEqual(chainId === null ? images : [], []);
  }
  const { use } = rootUse(store);
  assert.deepEqual([use.buildCache.count, use.orphans.count], [own.length, 0]);
  const { stdout } = spawnSync("du", ["-sx", "-B1", join(root, "overlay2")], { encoding: "utf8" });
  assert.equal(use.total, Number(stdout.split("\t")[0]));
  assert.ok(use.buildCache.size > 0);
}

async function buildWithBuildKit(root: string, work: Scratch): Promise<void> {
  const archive = deepArchive(work);
  const context = work.dir("context");
  writeFileSync(join(context, "file"), "built");
  writeFileSync(join(context, "Dockerfile"), `FROM ${APP}\nCOPY file /one/\nCOPY file /two/\nRUN ["/hello"]\n`);
  await using daemon = await startDockerd(root);
  await daemon.dockerOk(["load", "-i", archive]);
  for (const content of ["first", "second"]) {
    writeFileSync(join(context, "file"), content);
    const built = await daemon.docker(["build", "--network=none", "-t", "built:1", context], {
      env: { DOCKER_BUILDKIT: "1" },
    });
    assert.equal(built.status, 0, built.stderr);
  }
  await daemon.dockerOk(["rmi", "built:1"]);
  await daemon.stop();
  assert.ok(readFileSync(join(root, "buildkit/snapshots.db")).length > 0);
}
