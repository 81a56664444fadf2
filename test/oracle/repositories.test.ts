/**
 * Odd spellings of repositories.json: ovl reads the names that dockerd reads, and fsck knows on which
 * it does not start.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { fsck } from "../../src/audit/fsck-run.js";
import { familiarString, parseReference } from "../../src/model/reference.js";
import { openStore } from "../../src/store/store.js";
import { addImage } from "../store/build.js";
import { startDockerd } from "../support/dockerd.js";
import { oracle } from "../support/oracles.js";
import { scratch } from "../support/tmp.js";

/** ID stands for the image's. */
const DOCUMENTS = [
  '{"repositories":{"a":{"a:1":ID}}}',
  '{"REPOSITORIE\\u017f":{"a":{"a:1":ID}}}',
  '{"Repositories":{"a":{"a:1":ID}},"Repositories":{"b":{"b:1":ID}}}',
  '{"REPOSITORIES":{"a":{"a:1":ID},"b":{"b:1":ID}},"Repositories":{"b":{"b:2":ID}}}',
  '{"Repositories":{"a":{"a:1":ID},"a":{"a:2":ID}}}',
  '{"Repositories":{"a":{"a:1":ID}},"repositories":null,"Repositories":{"b":{"b:1":ID}}}',
  '{"Repositories":{"a":null,"b":{"b:1":ID}}}',
  '{"Repositories":{"a":{"a:1":null,"a:2":ID}}}',
  '{"Other":{"a":{"a:1":ID}}}',
  '{"Repositories":{"a":{"a:1":ID}}} {"Repositories":{}}',
  '{"Repositories":{"a":{"a:1":1}}}',
  '{"Repositories":{"a":[]}}',
  '{"Repositories":{},"repositories":[]}',
];

/** The names that dockerd lists; null where it does not start. */
async function listed(root: string): Promise<string[] | null> {
  const daemon = await startDockerd(root).catch((thrown: Error) => {
    if (thrown.message.startsWith("dockerd did not start")) return null;
    throw thrown;
  });
  if (daemon === null) return null;
  await using _ = daemon;
  const names = await daemon.dockerOk(["images", "--format", "{{.Repository}}:{{.Tag}}"]);
  return names
    .split("\n")
    .filter((name) => name !== "" && !name.includes("<none>"))
    .sort();
}

for (const document of DOCUMENTS) {
  it(`reads the names in ${document} as dockerd does, and loses none`, {
    skip: oracle("root", "dockerd"),
  }, async () => {
    using work = scratch("repositories");
    const root = work.join("root");
    const id = await (async () => {
      await using store = await openStore({ root, driver: null }, "write");
      return addImage(store, ["one"]).id;
    })();
    writeFileSync(join(root, "image/overlay2/repositories.json"), document.replaceAll("ID", `"${id}"`));
    const names = async () => {
      await using store = await openStore({ root, driver: null });
      return store.repositories.of(id).map(familiarString).sort();
    };
    const known = await names();
    await using store = await openStore({ root, driver: null });
    const { problems } = await fsck(store, { deep: false, jobs: 1 });
    const startable = !problems.some(({ code }) => code === "REPOSITORIES_INVALID");
    assert.deepEqual(await listed(root), startable ? known : null);
    if (!startable) return;
    {
      await using writer = await openStore({ root, driver: null }, "write");
      writer.repositories.update((changes) => changes.tag(parseReference("new:1"), id));
    }
    assert.deepEqual(await names(), [...known, "new:1"]);
  });
}
