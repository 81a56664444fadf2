/** Races that the store claims to survive. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { listImages } from "../../src/store/images.js";
import { openStore } from "../../src/store/store.js";
import { expectSound } from "../support/expect-sound.js";
import { scratch } from "../support/tmp.js";

function startWriter(program: string, ...args: readonly string[]): ChildProcess {
  const file = fileURLToPath(new URL(program, import.meta.url));
  return spawn(process.execPath, [file, ...args], { stdio: ["ignore", "pipe", "inherit"] });
}

function endsOf(writers: readonly ChildProcess[]): Promise<number[]> {
  return Promise.all(writers.map(async (writer) => (await once(writer, "exit"))[0] as number));
}

test("eight processes that add the same images make each layer once", async () => {
  using work = scratch("rivals", 0);
  const root = work.join("root");
  const writers = Array.from({ length: 8 }, () => startWriter("writer.js", root, "3"));
  assert.deepEqual(await endsOf(writers), Array(8).fill(0));
  expectSound(root);
  await using store = await openStore({ root, driver: null });
  assert.equal(listImages(store).images.length, 3);
  assert.equal(store.driver.list().length, 7, "one base, and for each image a layer and another on it");
});

const PLACES: readonly [title: string, make: (path: string) => void][] = [
  [
    "one layout",
    (path) => {
      mkdirSync(path);
      writeFileSync(join(path, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
    },
  ],
  ["an empty directory", mkdirSync],
  ["a layout that is not there yet", () => {}],
];
for (const [title, make] of PLACES) {
  test(`three processes that save into ${title} lose nothing of each other's`, async () => {
    using work = scratch("rivals", 0);
    const layout = work.join("layout");
    make(layout);
    const writers = ["a", "b", "c"].map((name) => startWriter("layout-writer.js", layout, name, "100"));
    assert.deepEqual(await endsOf(writers), Array(3).fill(0));
    const { manifests } = JSON.parse(readFileSync(work.join("layout", "index.json"), "utf8"));
    assert.equal(manifests.length, 300);
    assert.equal(readdirSync(work.join("layout", "blobs", "sha256")).length, 300);
    assert.deepEqual(readdirSync(layout).sort(), ["blobs", "index.json", "oci-layout"]);
    assert.deepEqual(readdirSync(work.path), ["layout"]);
  });
}
