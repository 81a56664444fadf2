/** A process that uses containers until a time is over: `node soak-worker.js ROOT SECONDS`. Prints how many it had. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { containerChanges } from "../../src/container/changes-of.js";
import { createContainer } from "../../src/container/create.js";
import { mountContainer, mountImage } from "../../src/container/mount.js";
import { removeContainers } from "../../src/container/remove.js";
import { mountsOf, unmountAll } from "../../src/container/umount.js";
import { resolveImage } from "../../src/store/resolve.js";
import { resolveContainer } from "../../src/store/resolve-container.js";
import { openStore, type Store } from "../../src/store/store.js";
import { NOTHING } from "./build.js";

const [root = "", seconds = "1"] = process.argv.slice(2);

/** Each step is a command's: it opens the root, locks it, and lets go of it. */
async function step<T>(act: (store: Store) => Promise<T> | T): Promise<T> {
  await using store = await openStore({ root, driver: null }, "write");
  return await act(store);
}

let rounds = 0;
for (const end = performance.now() + Number(seconds) * 1000; performance.now() < end; rounds++) {
  const { id } = await step((store) => createContainer(store, "app:1", NOTHING));
  const own = `written by ${process.pid} in round ${rounds}`;
  const { path } = await step((store) =>
    mountContainer(store, resolveContainer(store, id), { dir: null, readOnly: false, place: "merged" }),
  );
  writeFileSync(join(path, "file"), own);
  writeFileSync(join(path, `new-${process.pid}`), own);
  await step((store) => unmountAll(store, mountsOf(store, id), false));
  const again = await step((store) =>
    mountContainer(store, resolveContainer(store, id), { dir: null, readOnly: true, place: "private" }),
  );
  assert.equal(readFileSync(join(again.path, "file"), "utf8"), own);
  await step((store) => unmountAll(store, mountsOf(store, id), false));
  const { changes } = await step((store) => containerChanges(store, id, undefined));
  assert.deepEqual(
    changes.map(({ kind, path }) => `${kind} ${path}`),
    ["C /file", `A /new-${process.pid}`],
  );
  if (rounds % 4 === 0) await step((store) => viewImage(store));
  const { failures } = await step((store) => removeContainers(store, [id]));
  assert.deepEqual(failures, []);
}
process.stdout.write(`${rounds}\n`);

/** Refused where another process has it mounted in this moment, which may happen. */
async function viewImage(store: Store): Promise<void> {
  const { path } = await mountImage(store, resolveImage(store, "app:1"), {
    dir: null,
    readOnly: true,
    place: "merged",
  });
  assert.equal(readFileSync(join(path, "file"), "utf8"), "top");
  unmountAll(store, mountsOf(store, path), false);
}
