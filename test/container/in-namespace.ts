/** A process that uses a container with the rights it has: `node in-namespace.js DIR`. Prints how far it came. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createContainer } from "../../src/container/create.js";
import { mountContainer } from "../../src/container/mount.js";
import { removeContainers } from "../../src/container/remove.js";
import { unmountAll } from "../../src/container/umount.js";
import { layerMounts } from "../../src/driver/layer-mounts.js";
import { asOvlError } from "../../src/errors.js";
import type { CacheId } from "../../src/model/digest.js";
import { resolveContainer } from "../../src/store/resolve-container.js";
import { openStore } from "../../src/store/store.js";
import { expectSound } from "../support/expect-sound.js";
import { addContentImage, withName } from "./build.js";

const [directory = ""] = process.argv.slice(2);
await using store = await openStore({ root: join(directory, "root"), driver: null }, "write");
addContentImage(store, "app:1", {
  real: { dir: 0o755 },
  "real/hosts": "x",
  etc: { link: "/real" },
  dev: { dir: 0o750 },
});
await createContainer(store, "app:1", withName("web"));
expectSound(store.root);
const web = resolveContainer(store, "web");
try {
  const { path } = await mountContainer(store, web, { dir: null, readOnly: false, place: "merged" });
  // The opaque mark counts: what the symlink led to does not show.
  assert.deepEqual(readdirSync(join(path, "etc")).sort(), ["hostname", "hosts", "mtab", "resolv.conf"]);
  writeFileSync(join(path, "new"), "x");
  rmSync(join(path, "etc"), { recursive: true });
  assert.ok(!existsSync(join(path, "etc")));
  unmountAll(store, layerMounts(store.driver), false);
  assert.deepEqual(readdirSync(store.driver.contentDir(web.mount?.mountId as CacheId)).sort(), ["etc", "new"]);
  process.stdout.write("mounted and written to\n");
} catch (thrown) {
  const { code, exit, message } = asOvlError(thrown);
  process.stdout.write(`${code} ${exit} ${message}\n`);
}
assert.deepEqual((await removeContainers(store, ["web"])).failures, []);
expectSound(store.root);
