/** Images that BuildKit built are removed by ovl as by dockerd: the layers that its cache stands on stay. */
import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fsck } from "../../src/audit/fsck-run.js";
import { pruneImages } from "../../src/store/prune.js";
import { removeImages } from "../../src/store/remove.js";
import { openStore } from "../../src/store/store.js";
import { deepArchive } from "../audit/deep-root.js";
import { APP } from "../audit/root.js";
import { copyRoot } from "../support/copy-root.js";
import { type Dockerd, startDockerd } from "../support/dockerd.js";
import { oracle } from "../support/oracles.js";
import { type Scratch, scratch } from "../support/tmp.js";

async function build(daemon: Dockerd, context: string): Promise<void> {
  const args = ["build", "--network=none", "-t", "built:1", context];
  const built = await daemon.docker(args, { env: { DOCKER_BUILDKIT: "1" } });
  assert.equal(built.status, 0, built.stderr);
}

async function writeRoot(work: Scratch): Promise<{ root: string; archive: string; context: string }> {
  const [root, archive, context] = [work.join("root"), deepArchive(work), work.dir("context")];
  writeFileSync(join(context, "file"), "built");
  writeFileSync(join(context, "Dockerfile"), `FROM ${APP}\nCOPY file /one/\nRUN ["/hello"]\n`);
  await using daemon = await startDockerd(root);
  await daemon.dockerOk(["load", "-i", archive]);
  await build(daemon, context);
  await daemon.stop();
  return { root, archive, context };
}

const layersIn = (root: string) => readdirSync(join(root, "image/overlay2/layerdb/sha256")).sort();

describe("images that BuildKit built", { skip: oracle("root", "dockerd") }, () => {
  it("leave its cache the layers that dockerd leaves it, and what was built is built again", async () => {
    using work = scratch("build-cache");
    const { root, archive, context } = await writeRoot(work);
    for (const [docker, ovl] of [
      [["rmi", "built:1"], "rmi"],
      [["image", "prune", "-af"], "prune"],
    ] as const) {
      const [expected, found] = [work.join(`docker-${ovl}`), work.join(`ovl-${ovl}`)];
      for (const copy of [expected, found]) copyRoot(root, copy);
      await using judge = await startDockerd(expected);
      await judge.dockerOk(docker);
      await judge.stop();
      {
        await using store = await openStore({ root: found, driver: null }, "write");
        const { failures } = ovl === "rmi" ? removeImages(store, ["built:1"]) : pruneImages(store, { all: true });
        assert.deepEqual(failures, []);
      }
      assert.deepEqual(layersIn(found), layersIn(expected), ovl);
      {
        await using store = await openStore({ root: found, driver: null });
        assert.deepEqual((await fsck(store, { deep: true, jobs: 2 })).problems, []);
      }
      await using daemon = await startDockerd(found);
      await daemon.dockerOk(["load", "-i", archive]);
      await build(daemon, context);
      await daemon.dockerOk(["run", "--rm", "--network=none", "built:1", "/hello"]);
      await daemon.stop();
    }
  });

  it("go with their layers once its cache is empty", async () => {
    using work = scratch("build-cache");
    const { root } = await writeRoot(work);
    {
      await using daemon = await startDockerd(root);
      await daemon.dockerOk(["builder", "prune", "-af"]);
      await daemon.stop();
    }
    await using store = await openStore({ root, driver: null }, "write");
    assert.deepEqual(pruneImages(store, { all: true }).failures, []);
    assert.deepEqual(layersIn(root), []);
    assert.deepEqual(store.driver.list(), []);
  });
});
