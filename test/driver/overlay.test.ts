/** Roots of the legacy overlay driver, which dockerd 20.10 still writes. */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { newCacheId } from "../../src/driver/driver.js";
import { imageChain } from "../../src/store/chain.js";
import { inspectImage } from "../../src/store/inspect.js";
import { resolveImage } from "../../src/store/resolve.js";
import { openStore } from "../../src/store/store.js";
import { startDockerd } from "../support/dockerd.js";
import { expectSound } from "../support/expect-sound.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { file, layer } from "../support/tar-builder.js";
import { scratch } from "../support/tmp.js";

test("a root of the overlay driver is read as dockerd reads it", { skip: oracle("root", "dockerd") }, async () => {
  using work = scratch("overlay", 0);
  const root = work.join("root");
  const layers = [layer(file("a", "1")), layer(file("b", "22"))];
  writeFileSync(work.join("image.tar"), archive(dockerArchive([image({ layers, names: ["app:1"] })])));
  await using dockerd = await startDockerd(root, "overlay");
  await dockerd.dockerOk(["load", "-q", "-i", work.join("image.tar")]);
  const [inspected] = JSON.parse(await dockerd.dockerOk(["inspect", "app:1"])) as [object];
  const id = await dockerd.dockerOk(["create", "--name", "web", "--network=none", "app:1", "/x"]);
  const [container] = JSON.parse(await dockerd.dockerOk(["inspect", id.trim()])) as [
    { GraphDriver: { Data: Record<string, string> } },
  ];
  await dockerd.stop();
  await using store = await openStore({ root, driver: null });
  assert.equal(store.driver.name, "overlay");
  assert.deepEqual(inspectImage(store, resolveImage(store, "app:1")).inspect, inspected);
  const { layers: chain, warnings } = imageChain(store, resolveImage(store, "app:1"));
  assert.deepEqual(warnings, []);
  for (const { dir } of chain) assert.ok(existsSync(`${dir}/a`));
  const [user] = store.users.containers;
  assert.equal(user?.name, "web");
  const mountId = user?.mount?.mountId ?? newCacheId();
  assert.deepEqual(store.driver.graphData(mountId), container.GraphDriver.Data);
  expectSound(root, "overlay");
});

test("a layer cannot be made yet, and that is said before anything is", async () => {
  using work = scratch("overlay", 0);
  await using store = await openStore({ root: work.join("root"), driver: "overlay" }, "write");
  assert.throws(() => store.layers.begin(null), { code: "BAD_ROOT", message: /overlay driver/ });
  expectSound(store.root, "overlay");
});
