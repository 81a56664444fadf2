import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type CommitOptions, commitContainer } from "../../src/container/commit.js";
import { changedConfig } from "../../src/container/commit-changes.js";
import { createContainer } from "../../src/container/create.js";
import { resolveImage } from "../../src/store/resolve.js";
import { resolveContainer } from "../../src/store/resolve-container.js";
import type { Store } from "../../src/store/store.js";
import { readImage } from "../../src/store/stored-image.js";
import { expectSound } from "../support/expect-sound.js";
import { scratch } from "../support/tmp.js";
import { rootWithImage, withName } from "./build.js";

const PLAIN: CommitOptions = { name: null, author: "", comment: "", changes: [], created: "2020-02-02T02:02:02Z" };

async function makeContainer(store: Store): Promise<string> {
  await createContainer(store, "app:1", withName("web"));
  return store.driver.contentDir(resolveContainer(store, "web").mount?.mountId ?? assert.fail());
}

test("what was written becomes a layer on top of the image's, which is noted as the parent", async () => {
  using work = scratch("commit", 0);
  await using store = await rootWithImage(work);
  const dir = await makeContainer(store);
  mkdirSync(join(dir, "new"));
  writeFileSync(join(dir, "new/file"), "content");
  const options = { ...PLAIN, name: "edited", author: "who", comment: "why", changes: ["CMD x"] };
  const { id, warnings } = await commitContainer(store, "web", options);
  assert.deepEqual(warnings, []);
  assert.equal(resolveImage(store, "edited:latest"), id);
  const [image, parent] = [readImage(store, id), readImage(store, resolveImage(store, "app:1"))];
  assert.equal(image.parent, parent.id);
  assert.deepEqual(image.chain.slice(0, -1), parent.chain);
  const top = image.layers.at(-1);
  assert.equal(top?.size, "content".length);
  assert.deepEqual(readdirSync(store.driver.contentDir(top?.cacheId ?? assert.fail())), ["new"]);
  const { createdBy, comment, author, emptyLayer } = image.config.history.at(-1) ?? assert.fail();
  assert.deepEqual([createdBy, comment, author, emptyLayer], ["/bin/sh -c sleep 1", "why", "who", false]);
  assert.match(store.images.lastUpdated(id) ?? "", /^20/);
  expectSound(store.root);
});

test("a container that has changed nothing becomes an image without a further layer", async () => {
  using work = scratch("commit", 0);
  await using store = await rootWithImage(work);
  await makeContainer(store);
  const layers = readdirSync(store.driver.home).length;
  const { id } = await commitContainer(store, "web", PLAIN);
  const [image, parent] = [readImage(store, id), readImage(store, resolveImage(store, "app:1"))];
  assert.deepEqual(image.chain, parent.chain);
  assert.equal(image.config.history.at(-1)?.emptyLayer, true);
  assert.equal(readdirSync(store.driver.home).length, layers);
  expectSound(store.root);
});

test("the same container gives the same image, and one layer", async () => {
  using work = scratch("commit", 0);
  await using store = await rootWithImage(work);
  writeFileSync(join(await makeContainer(store), "file"), "x");
  const first = await commitContainer(store, "web", PLAIN);
  const layers = readdirSync(store.driver.home).length;
  assert.equal((await commitContainer(store, "web", PLAIN)).id, first.id);
  const later = await commitContainer(store, "web", { ...PLAIN, created: "2021-01-01T00:00:00Z" });
  assert.notEqual(later.id, first.id);
  assert.equal(readdirSync(store.driver.home).length, layers);
  expectSound(store.root);
});

test("a refused name or change leaves nothing behind", async () => {
  using work = scratch("commit", 0);
  await using store = await rootWithImage(work);
  await makeContainer(store);
  const before = readdirSync(store.root, { recursive: true }).sort();
  await assert.rejects(commitContainer(store, "web", { ...PLAIN, name: "UPPER" }), { code: "USAGE" });
  await assert.rejects(commitContainer(store, "web", { ...PLAIN, changes: ["RUN x"] }), { code: "USAGE" });
  await assert.rejects(commitContainer(store, "nothing", PLAIN), { code: "NOT_FOUND" });
  assert.deepEqual(readdirSync(store.root, { recursive: true }).sort(), before);
});

test("changes add and replace; what they leave out stays the container's", () => {
  const container = {
    User: "1",
    Env: ["A=1", "B=2"],
    Cmd: ["run"],
    Entrypoint: ["/init"],
    Labels: { a: "1" },
    ExposedPorts: { "80/tcp": {} },
    Healthcheck: { Test: ["CMD", "x"], Retries: 3 },
  };
  const change = (...changes: string[]) => changedConfig(container, changes) as typeof container;
  assert.deepEqual(change("ENV B=3 C=4").Env, ["A=1", "B=3", "C=4"]);
  assert.deepEqual(change("LABEL b=2").Labels, { a: "1", b: "2" });
  assert.deepEqual(Object.keys(change("EXPOSE 81").ExposedPorts).sort(), ["80/tcp", "81/tcp"]);
  assert.deepEqual(change('CMD ["other"]').Entrypoint, ["/init"]);
  assert.deepEqual([change('ENTRYPOINT ["/e"]').Entrypoint, change('ENTRYPOINT ["/e"]').Cmd], [["/e"], null]);
  assert.equal(change("USER 5").User, "5");
  assert.deepEqual(change("HEALTHCHECK --interval=5s CMD y").Healthcheck.Retries, 3);
});
