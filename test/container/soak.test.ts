/**
 * Four processes use containers of one root at once, for OVL_SOAK_SECONDS (5, in CI 60); then the root is as before.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createContainer } from "../../src/container/create.js";
import { mountContainer, mountImage } from "../../src/container/mount.js";
import { privateBase } from "../../src/container/mount-point.js";
import { removeContainers } from "../../src/container/remove.js";
import { unmountAll } from "../../src/container/umount.js";
import { layerMounts } from "../../src/driver/layer-mounts.js";
import { mountTable } from "../../src/driver/mount-table.js";
import { resolveImage } from "../../src/store/resolve.js";
import { resolveContainer } from "../../src/store/resolve-container.js";
import { openStore } from "../../src/store/store.js";
import { expectSound } from "../support/expect-sound.js";
import { oracle } from "../support/oracles.js";
import { scratch } from "../support/tmp.js";
import { NOTHING, rootWithImage } from "./build.js";

const WORKER = fileURLToPath(new URL("soak-worker.js", import.meta.url));
const SECONDS = Number(process.env["OVL_SOAK_SECONDS"] ?? 5);
const skip = oracle("root");

/** Every name in a root, what kind of thing it is, and where symlinks lead. */
function everything(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((path) => {
      const stat = lstatSync(join(root, path));
      return `${path} ${stat.mode.toString(8)} ${stat.isSymbolicLink() ? readlinkSync(join(root, path)) : ""}`;
    })
    .sort();
}

test(`four processes create, mount, write, compare and remove for ${SECONDS} s, and leave nothing`, {
  skip,
}, async () => {
  using work = scratch("soak", 0);
  const store = await rootWithImage(work);
  const { root } = store;
  // One container's life makes what all of them share.
  const { id } = await createContainer(store, "app:1", NOTHING);
  await removeContainers(store, [id]);
  await store[Symbol.asyncDispose]();
  const before = everything(root);
  const workers = Array.from({ length: 4 }, () =>
    spawn(process.execPath, [WORKER, root, String(SECONDS)], { stdio: ["ignore", "pipe", "inherit"] }),
  );
  const rounds = workers.map(async (worker) => {
    let text = "";
    worker.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
    });
    const [status] = (await once(worker, "close")) as [number];
    assert.equal(status, 0);
    return Number(text);
  });
  for (const count of await Promise.all(rounds)) assert.ok(count > 0, "each had its turn");
  assert.deepEqual(
    mountTable().filter(({ point }) => point.startsWith(root)),
    [],
  );
  assert.deepEqual(everything(root), before);
  assert.equal(existsSync(join(root, "containers")), true);
  expectSound(root);
});

test("a process killed in the midst of its work leaves at most containers and mounts that can be removed", {
  skip,
}, async () => {
  using work = scratch("soak", 0);
  const first = await rootWithImage(work);
  const { root } = first;
  await first[Symbol.asyncDispose]();
  for (let round = 0; round < 6; round++) {
    const worker = spawn(process.execPath, [WORKER, root, "60"], { stdio: ["ignore", "ignore", "inherit"] });
    while (!existsSync(join(root, "image", "overlay2", "layerdb", "mounts"))) await sleep(5);
    await sleep(150 + 13 * round);
    worker.kill("SIGKILL");
    await once(worker, "exit");
    await using store = await openStore({ root, driver: null }, "write");
    unmountAll(store, layerMounts(store.driver), true);
    for (const { id } of store.users.containers) {
      // What is left is whole: it mounts.
      await mountContainer(store, resolveContainer(store, id), { dir: null, readOnly: false, place: "merged" });
    }
    // An empty directory for a mount that never came about is taken for the next one, and goes with it.
    await mountImage(store, resolveImage(store, "app:1"), { dir: null, readOnly: true, place: "merged" });
    const ids = store.users.containers.map((container) => container.id);
    const { failures } = await removeContainers(store, ids, { force: true });
    assert.deepEqual(failures, []);
    unmountAll(store, layerMounts(store.driver), false);
    expectSound(root);
    // What lies below /run goes with the machine's next start.
    rmSync(privateBase(root), { recursive: true, force: true });
  }
});
