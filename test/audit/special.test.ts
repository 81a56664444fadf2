/** Faults that take more than an edited file: a mount, a second container, another user. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { FsckReport } from "../../src/audit/fsck-report.js";
import { fsck, fsckRepair } from "../../src/audit/fsck-run.js";
import { createContainer } from "../../src/container/create.js";
import { OvlError } from "../../src/errors.js";
import type { CacheId } from "../../src/model/digest.js";
import { resolveImage } from "../../src/store/resolve.js";
import { openStore } from "../../src/store/store.js";
import { StoredVerifier } from "../../src/store/verify-stored.js";
import { copyRoot } from "../support/copy-root.js";
import { expectSound } from "../support/expect-sound.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { ORDINARY_USER } from "../support/ordinary-user.js";
import { pullFile } from "../support/pull.js";
import { file, layer, symlink } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { deepRoot } from "./deep-root.js";
import { APP, examine } from "./root.js";

describe("fsck", { skip: oracle("root", "setfattr") }, () => {
  let work: Scratch;
  let sound: string;
  let copies = 0;
  before(async () => {
    work = scratch("special", 0);
    sound = (await deepRoot(work)).path;
  });
  after(() => work?.[Symbol.dispose]());

  const copy = () => copyRoot(sound, work.join(`copy-${copies++}`));
  async function look(root: string, deep = false): Promise<FsckReport> {
    await using store = await openStore({ root, driver: null });
    return await fsck(store, { deep, jobs: 1 });
  }
  const mend = (root: string) => fsckRepair({ root, driver: null }, { deep: false, jobs: 1 });

  it("unmounts what a killed daemon has left mounted (MERGED_MOUNTED), unless somebody is in it", async () => {
    const root = copy();
    const { rw } = await examine(root);
    const merged = join(rw, "merged");
    mkdirSync(merged);
    assert.equal(spawnSync("mount", ["-t", "tmpfs", "tmpfs", merged]).status, 0);
    const inside = spawn("sleep", ["60"], { cwd: merged, stdio: "ignore" });
    try {
      await new Promise((done) => inside.once("spawn", done));
      assert.deepEqual(
        (await look(root)).problems.map(({ code, path }) => [code, path]),
        [["MERGED_MOUNTED", merged]],
      );
      const busy = await mend(root);
      assert.deepEqual([busy.report.ok, busy.failures[0]?.fields["errno"]], [false, "EBUSY"]);
      const ended = new Promise((done) => inside.once("close", done));
      inside.kill();
      await ended;
      const { report, failures } = await mend(root);
      assert.deepEqual([report.ok, report.problems[0]?.repaired, failures], [true, true, []]);
      assert.ok(!existsSync(merged));
      expectSound(root);
    } finally {
      inside.kill();
      spawnSync("umount", ["-l", merged]);
    }
  });

  it("leaves mounted what a container lives in that has outlived its daemon", async () => {
    const root = copy();
    const { rw, config } = await examine(root);
    const merged = join(rw, "merged");
    mkdirSync(merged);
    assert.equal(spawnSync("mount", ["-t", "tmpfs", "tmpfs", merged]).status, 0);
    const write = (State: unknown) => {
      writeFileSync(config, `${JSON.stringify({ ...JSON.parse(readFileSync(config, "utf8")), State })}\n`);
    };
    const StartedAt = new Date().toISOString();
    try {
      write({ Running: true, Pid: process.pid, StartedAt });
      assert.deepEqual((await mend(root)).report.problems, []);
      assert.equal(spawnSync("mountpoint", ["-q", merged]).status, 0);
      write({ Running: true, Pid: 0x7fffffff, StartedAt });
      assert.deepEqual(
        (await mend(root)).report.problems.map(({ code, repaired }) => [code, repaired]),
        [["MERGED_MOUNTED", true]],
      );
    } finally {
      spawnSync("umount", ["-l", merged]);
    }
  });

  it("tells a layer that was brought as none can be given back (IRREPRODUCIBLE) from one that was changed", async () => {
    const sparse = {
      "GNU.sparse.major": "0",
      "GNU.sparse.minor": "1",
      "GNU.sparse.map": "0,5",
      "GNU.sparse.size": "99",
    };
    const layers = [
      layer(file("sparse", "12345", { pax: { ...sparse, "GNU.sparse.numblocks": "1" } }), file("after", "x")),
      layer(file("before", "x"), file("d/.wh.gone", "why?"), symlink("link", "to", { size: 7 }), file("after", "x")),
    ];
    const [root, tar] = [work.join("irreproducible"), work.join("irreproducible.tar")];
    writeFileSync(tar, archive(dockerArchive([image({ layers, names: ["lost:1"] })])));
    assert.ok(!((await pullFile(root, tar)) instanceof OvlError));
    const found = async () => (await look(root, true)).problems.map(({ code, path }) => `${code} ${basename(path)}`);
    const lost = ["IRREPRODUCIBLE .wh.gone", "IRREPRODUCIBLE link", "IRREPRODUCIBLE sparse"];
    assert.deepEqual((await found()).sort(), lost);
    const { report, failures } = await fsckRepair({ root, driver: null }, { deep: true, jobs: 1 });
    assert.deepEqual([failures, report.problems.map(({ repair }) => repair)], [[], [null, null, null]]);

    await using store = await openStore({ root, driver: null });
    await using verifier = new StoredVerifier(store, { jobs: 1 });
    const { ok, problems } = await verifier.verify(resolveImage(store, "lost:1"));
    assert.equal(ok, false);
    assert.match(problems[0]?.message ?? "", /^"sparse" of layer .* cannot be given back bit for bit: it is sparse/);
    const top = store.layers.list().layers.find(({ parent }) => parent !== null);
    writeFileSync(join(store.driver.contentDir(top?.cacheId as CacheId), "before"), "X");
    assert.deepEqual((await found()).filter((one) => !lost.includes(one)).sort(), [
      "CONTENT_CHANGED before",
      "TIME_CHANGED before",
    ]);
  });

  /** The part of the root is a disk of its own from here on. */
  function moveToDisk(root: string, part: string): Disposable {
    const disk = copyRoot(join(root, part), work.join(`disk-${copies++}`));
    assert.equal(spawnSync("mount", ["--bind", disk, join(root, part)]).status, 0);
    return { [Symbol.dispose]: () => spawnSync("umount", ["-l", join(root, part)]) };
  }

  it("moves aside within overlay2 what is there, where that is on another disk", async () => {
    const root = copy();
    const { overlay2 } = await examine(root);
    using _disk = moveToDisk(root, "overlay2");
    writeFileSync(join(overlay2, "notes"), "mine");
    const { report, failures } = await mend(root);
    assert.deepEqual([report.ok, failures], [true, []], JSON.stringify(report.problems));
    assert.equal(readFileSync(join(overlay2, "ovl-lost+found/notes"), "utf8"), "mine");
    assert.deepEqual((await look(root)).problems, []);
  });

  it("mends the rest when one step fails, and says why it did", async () => {
    const root = copy();
    const { layer, overlay2 } = await examine(root);
    using _disk = moveToDisk(root, "containers");
    const stray = join(root, "containers/notes");
    writeFileSync(stray, "mine");
    // Looked at before, and after it.
    rmSync(join(overlay2, "l", layer.link));
    mkdirSync(join(overlay2, "ab".repeat(32), "diff"), { recursive: true });
    const { report, failures } = await mend(root);
    assert.deepEqual(
      report.problems.map(({ code, repaired }) => [code, repaired]),
      [
        ["LINK_MISSING", true],
        ["ORPHAN_LAYER_DIR", true],
        ["STRAY_IN_CONTAINERS", false],
      ],
    );
    assert.deepEqual([failures.length, failures[0]?.fields["errno"], failures[0]?.fields["path"]], [1, "EXDEV", stray]);
    assert.equal(readFileSync(stray, "utf8"), "mine");
  });

  it("names two containers with one name (CONTAINER_NAME_TAKEN), and takes it from neither", async () => {
    const root = copy();
    const { container, config } = await examine(root);
    const name = { env: [], workingDir: null, entrypoint: null, hostname: null, labels: new Map<string, string>() };
    let other: string;
    {
      await using store = await openStore({ root, driver: null }, "write");
      ({ id: other } = await createContainer(store, APP, { name: "other", command: [], ...name }));
    }
    const path = join(root, "containers", other, "config.v2.json");
    writeFileSync(path, readFileSync(path, "utf8").replace('"/other"', '"/web"'));
    const [first, second] = [container, other].sort();
    for (const report of [await look(root), (await mend(root)).report]) {
      assert.deepEqual(
        report.problems.map(({ code, subject, repair }) => [code, subject, repair]),
        [["CONTAINER_NAME_TAKEN", second, null]],
      );
      assert.ok(report.problems[0]?.message.includes(first ?? ""), report.problems[0]?.message);
    }
    assert.ok(readFileSync(config, "utf8").includes('"/web"'));
  });

  it("says of contents that it may not read just that (CONTENT_UNREADABLE)", async () => {
    const root = copy();
    // Everything but what the layers themselves close to others.
    spawnSync("chmod", ["a+rx", work.path, root, join(root, "overlay2")]);
    spawnSync("chmod", ["-R", "a+rX", ...["image", "containers"].map((name) => join(root, name))]);
    spawnSync("sh", ["-c", 'chmod a+rX "$0"/* "$0"/*/* 2>/dev/null', join(root, "overlay2")]);
    process.setegid?.(ORDINARY_USER);
    process.seteuid?.(ORDINARY_USER);
    let problems: FsckReport["problems"];
    try {
      ({ problems } = await look(root, true));
    } finally {
      process.seteuid?.(0);
      process.setegid?.(0);
    }
    const { layer } = await examine(root);
    assert.deepEqual([...new Set(problems.map(({ code }) => code))], ["CONTENT_UNREADABLE"], JSON.stringify(problems));
    assert.ok(problems.some(({ path }) => path === join(layer.dir, "diff/d/f2")));
  });
});
