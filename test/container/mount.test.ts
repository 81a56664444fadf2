/** Real mounts, so only as root. Each test unmounts what it mounted, and the root is as before. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { unmountTargets } from "../../src/cli/umount-targets.js";
import { createContainer } from "../../src/container/create.js";
import { type MountRequest, mountContainer, mountImage } from "../../src/container/mount.js";
import { listMounts } from "../../src/container/mount-list.js";
import { removeContainers } from "../../src/container/remove.js";
import { mountsOf, unmountAll } from "../../src/container/umount.js";
import { layerMounts } from "../../src/driver/layer-mounts.js";
import type { CacheId } from "../../src/model/digest.js";
import { removeImages } from "../../src/store/remove.js";
import { resolveImage } from "../../src/store/resolve.js";
import { resolveContainer } from "../../src/store/resolve-container.js";
import { openStore, type Store } from "../../src/store/store.js";
import { addImage } from "../store/build.js";
import { expectSound } from "../support/expect-sound.js";
import { oracle } from "../support/oracles.js";
import { run, runOk } from "../support/run.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { RUN, rootWithImage, withName } from "./build.js";

const MERGED: MountRequest = { dir: null, readOnly: false, place: "merged" };

/** A root with the container `web` of `app:1`; whatever is mounted in the end is unmounted. */
async function withContainer(act: (store: Store, work: Scratch) => Promise<void>): Promise<void> {
  using work = scratch("mount", 0);
  await using store = await rootWithImage(work);
  await createContainer(store, "app:1", withName("web"));
  try {
    await act(store, work);
    assert.deepEqual(layerMounts(store.driver), []);
    expectSound(store.root);
  } finally {
    unmountAll(store, layerMounts(store.driver), true);
  }
}

const web = (store: Store) => resolveContainer(store, "web");
const runningAs = (config: string, Pid: number | undefined) =>
  JSON.stringify({
    ...(JSON.parse(config) as object),
    State: { Running: true, Pid, StartedAt: new Date().toISOString() },
  });
const unmount = (store: Store, target: string) => unmountAll(store, mountsOf(store, target), false);

describe("mounts", { skip: oracle("root") }, () => {
  test("merged appears with a mount and goes with it, and what was written stays", () =>
    withContainer(async (store) => {
      const { path, readOnly } = await mountContainer(store, web(store), MERGED);
      assert.deepEqual([path.endsWith("/merged"), readOnly], [true, false]);
      assert.equal(readFileSync(join(path, "file"), "utf8"), "top");
      assert.ok(existsSync(join(path, ".dockerenv")));
      writeFileSync(join(path, "file"), "written");
      assert.deepEqual(unmount(store, "web"), [path]);
      assert.ok(!existsSync(path));
      assert.deepEqual(listMounts(store), []);
      const again = await mountContainer(store, web(store), { ...MERGED, readOnly: true });
      assert.equal(readFileSync(join(again.path, "file"), "utf8"), "written");
      assert.throws(() => writeFileSync(join(again.path, "file"), "x"), { code: "EROFS" });
      unmount(store, again.path);
    }));

  test("a second mount is refused, wherever it is to be", () =>
    withContainer(async (store, work) => {
      const { path } = await mountContainer(store, web(store), MERGED);
      for (const request of [MERGED, { ...MERGED, dir: work.dir("elsewhere") }, { ...MERGED, readOnly: true }]) {
        await assert.rejects(mountContainer(store, web(store), request), { code: "IN_USE" });
      }
      assert.equal(listMounts(store).length, 1);
      await assert.rejects(mountImage(store, resolveImage(store, "app:1"), { ...MERGED, dir: path }), {
        code: "IN_USE",
      });
      const readOnly = await mountContainer(store, web(store), {
        dir: work.dir("ro"),
        readOnly: true,
        place: "merged",
      });
      assert.deepEqual(
        listMounts(store).map((mounted) => [mounted.path, mounted.kind, mounted.name, mounted.readOnly]),
        [
          [path, "container", "web", false],
          [readOnly.path, "container", "web", true],
        ],
      );
      assert.equal(unmount(store, "web").length, 2);
      assert.ok(existsSync(readOnly.path), "a directory that was given stays");
    }));

  test("a directory of the user's is mounted on and stays", () =>
    withContainer(async (store, work) => {
      const dir = work.dir("with space\\and backslash");
      const { path } = await mountContainer(store, web(store), { ...MERGED, dir });
      assert.equal(path, dir);
      writeFileSync(join(dir, "new"), "x");
      assert.deepEqual(unmount(store, dir), [dir]);
      assert.deepEqual(readdirSync(dir), []);
      const { mountId } = web(store).mount ?? {};
      assert.ok(existsSync(join(store.driver.home, String(mountId), "diff", "new")));
      await assert.rejects(mountContainer(store, web(store), { ...MERGED, dir: `${dir}/absent` }), {
        code: "NOT_FOUND",
      });
      writeFileSync(`${dir}/file`, "");
      await assert.rejects(mountContainer(store, web(store), { ...MERGED, dir: `${dir}/file` }), { code: "USAGE" });
    }));

  test("what somebody else unmounted meanwhile is unmounted", () =>
    withContainer(async (store) => {
      const { path } = await mountContainer(store, web(store), MERGED);
      const mounts = mountsOf(store, "web");
      unmount(store, "web");
      for (const detach of [false, true]) assert.deepEqual(unmountAll(store, mounts, detach), [path]);
    }));

  test("what is mounted or in use is not removed", () =>
    withContainer(async (store, work) => {
      const image = await mountImage(store, resolveImage(store, "app:1"), { ...MERGED, dir: work.dir("image") });
      const { path } = await mountContainer(store, web(store), { ...MERGED, dir: work.dir("web") });
      const [refused] = (await removeContainers(store, ["web"])).failures;
      assert.deepEqual([refused?.code, refused?.fields["path"]], ["IN_USE", path]);
      const user = spawn("sleep", ["60"], { cwd: path });
      try {
        await new Promise((resolve) => user.once("spawn", resolve));
        assert.throws(() => unmount(store, "web"), { code: "IN_USE", message: /a process has a file open/ });
      } finally {
        user.kill("SIGKILL");
        await new Promise((resolve) => user.once("close", resolve));
      }
      assert.equal((await removeContainers(store, ["web"], { force: true })).failures.length, 0);
      assert.deepEqual(
        listMounts(store).map((mounted) => mounted.path),
        [image.path],
      );
      const [kept] = removeImages(store, ["app:1"]).failures;
      assert.match(kept?.message ?? "", /is a mount of it; unmount it first/);
      unmount(store, "app:1");
    }));

  test("of a running container everything is unmounted but what it lives in", () =>
    withContainer(async (store, work) => {
      const own = await mountContainer(store, web(store), MERGED);
      const path = join(store.root, "containers", web(store).id, "config.v2.json");
      const config = readFileSync(path, "utf8");
      writeFileSync(path, runningAs(config, process.pid));
      const reader = () => openStore({ root: store.root, driver: null });
      const unmounted = (targets: readonly string[], all = false) =>
        unmountTargets({ reader, writer: () => assert.fail("nothing in the root changes") }, targets, {
          all,
          detach: false,
        });
      const view = { dir: work.dir("view"), readOnly: true, place: "merged" } as const;
      for (const targets of [["web"], [view.dir], []]) {
        await mountContainer(store, web(store), view);
        assert.deepEqual(await unmounted(targets, targets.length === 0), [view.dir]);
      }
      for (const targets of [["web"], [own.path], []]) {
        await assert.rejects(unmounted(targets, targets.length === 0), {
          code: "IN_USE",
          message: `${own.path} is what container web runs in; stop it first`,
        });
      }
      writeFileSync(path, config);
      unmount(store, "web");
    }));

  test("what docker mounts in a container's directory goes by force, and what somebody else mounts saves the process", () =>
    withContainer(async (store) => {
      await mountContainer(store, web(store), MERGED);
      const directory = join(store.root, "containers", web(store).id);
      const foreign = join(directory, "mounts/shm/deeper");
      const points = [join(directory, "mounts/shm"), join(directory, "shm"), foreign];
      const user = spawn("sleep", ["60"]);
      try {
        await new Promise((resolve) => user.once("spawn", resolve));
        const path = join(directory, "config.v2.json");
        writeFileSync(path, runningAs(readFileSync(path, "utf8"), user.pid));
        store.usersChanged();
        for (const point of points) {
          mkdirSync(point, { recursive: true });
          await runOk("mount", ["-t", "tmpfs", "shm", point]);
        }
        const [refused] = (await removeContainers(store, ["web"], { force: true })).failures;
        assert.deepEqual([refused?.code, refused?.fields["path"]], ["IN_USE", foreign]);
        assert.equal(layerMounts(store.driver).length, 1);
        assert.ok(web(store).running);
        await runOk("umount", [foreign]);
        assert.deepEqual((await removeContainers(store, ["web"], { force: true })).failures, []);
      } finally {
        for (const point of points.toReversed()) await run("umount", [point]);
        user.kill("SIGKILL");
      }
    }));

  test("what is mounted is known however damaged it has become", () =>
    withContainer(async (store, work) => {
      const { path } = await mountContainer(store, web(store), { ...MERGED, dir: work.dir("web") });
      const [base] = store.layers.list().layers.filter(({ parent }) => parent === null);
      const content = store.driver.contentDir(base?.cacheId as CacheId);
      renameSync(content, work.join("moved"));
      try {
        assert.deepEqual(
          layerMounts(store.driver).map(({ point }) => point),
          [path],
        );
        assert.equal((await removeContainers(store, ["web"])).failures[0]?.code, "IN_USE");
      } finally {
        renameSync(work.join("moved"), content);
        unmount(store, "web");
      }
    }));

  test("a container that lost its init layer is not mounted, and says why", () =>
    withContainer(async (store) => {
      const { mount } = web(store);
      const init = store.driver.dir(mount?.initId as NonNullable<typeof mount>["initId"] & string);
      rmSync(init, { recursive: true });
      await assert.rejects(mountContainer(store, web(store), MERGED), {
        code: "BAD_ROOT",
        message: /has lost its init layer: .* "ovl fsck --repair" makes it again/,
      });
      await removeContainers(store, ["web"]);
    }));

  test("125 layers are mounted, of a container and of an image", async () => {
    using work = scratch("mount", 0);
    await using store = await openStore({ root: work.join("root"), driver: null }, "write");
    const layers = Array.from({ length: 125 }, (_, i) => `layer ${i}`);
    addImage(store, layers, { names: ["deep:1"], config: RUN });
    assert.throws(() => addImage(store, [...layers, "one more"]), { code: "TOO_MANY_LAYERS" });
    await createContainer(store, "deep:1", withName("deep"));
    const container = await mountContainer(store, resolveContainer(store, "deep"), MERGED);
    const image = await mountImage(store, resolveImage(store, "deep:1"), MERGED);
    try {
      for (const { path } of [container, image]) assert.equal(readFileSync(join(path, "file"), "utf8"), "layer 124");
      writeFileSync(join(container.path, "file"), "mine");
      assert.equal(readFileSync(join(image.path, "file"), "utf8"), "layer 124");
      assert.deepEqual(
        listMounts(store).map(({ name }) => name),
        ["deep", "deep:1"],
      );
      assert.equal(process.cwd(), process.cwd(), "the process has not moved");
    } finally {
      unmountAll(store, layerMounts(store.driver), true);
    }
    expectSound(store.root);
  });

  test("mounts of a copy of the root are not the root's", () =>
    withContainer(async (store, work) => {
      await runOk("cp", ["-a", store.root, work.join("copy")]);
      await using copy = await openStore({ root: work.join("copy"), driver: null });
      await mountContainer(copy, web(copy), MERGED);
      try {
        assert.deepEqual(listMounts(store), []);
        assert.equal(listMounts(copy).length, 1);
      } finally {
        unmountAll(copy, layerMounts(copy.driver), true);
      }
    }));

  test("an image of one layer is mounted as it is, and cannot be written to", () =>
    withContainer(async (store) => {
      addImage(store, ["base"], { names: ["base:1"], config: RUN });
      const { path } = await mountImage(store, resolveImage(store, "base:1"), MERGED);
      assert.throws(() => writeFileSync(join(path, "file"), "x"), { code: "EROFS" });
      assert.deepEqual(
        listMounts(store).map(({ kind, name, readOnly }) => [kind, name, readOnly]),
        [["image", "base:1", true]],
      );
      unmount(store, "base:1");
    }));

  test("a root on a read-only file system is mounted without a write, and not for writing", () =>
    withContainer(async (store, work) => {
      const evidence = work.dir("evidence");
      await runOk("mount", ["--bind", store.root, evidence]);
      await runOk("mount", ["-o", "remount,bind,ro", evidence]);
      try {
        await using reader = await openStore({ root: evidence, driver: null });
        const request = { dir: null, readOnly: true, place: "private" } as const;
        const { path } = await mountContainer(reader, web(reader), request);
        assert.match(path, /^\/run\/ovl\/[0-9a-f]{16}\/[0-9a-f]{64}$/);
        assert.equal(readFileSync(join(path, "file"), "utf8"), "top");
        const image = await mountImage(reader, resolveImage(reader, "app:1"), { ...request, dir: work.dir("image") });
        assert.equal(readFileSync(join(image.path, "file"), "utf8"), "top");
        assert.equal(unmountAll(reader, layerMounts(reader.driver), false).length, 2);
        assert.ok(!existsSync(path));
        for (const dir of [null, work.dir("writable")]) {
          const refused = mountContainer(reader, web(reader), { ...MERGED, dir });
          await assert.rejects(refused, {
            code: "PERMISSION",
            message: /web .* read-only file system; use --read-only$/,
          });
        }
      } finally {
        await run("umount", [evidence]);
      }
    }));
});

const IN_NAMESPACE = fileURLToPath(new URL("in-namespace.js", import.meta.url));

/** Output of a process that makes, mounts and removes a container, started by unshare(1). */
async function inNamespace(flags: string): Promise<string> {
  using work = scratch("mount", 0);
  const { status, stdout, stderr } = await run("unshare", [flags, process.execPath, IN_NAMESPACE, work.path]);
  assert.equal(status, 0, stderr);
  return stdout.toString("utf8");
}

describe("without the rights of root", { skip: oracle("unshare") }, () => {
  test("root of a user namespace mounts with the attributes that it may set there", async () => {
    assert.equal(await inNamespace("-Urm"), "mounted and written to\n");
  });

  test("who may not mount is told what to use instead, and can create and remove all the same", async () => {
    assert.match(await inNamespace("-U"), /^PERMISSION 6 cannot mount on .*"ovl rootfs" and "ovl export"/);
  });
});
