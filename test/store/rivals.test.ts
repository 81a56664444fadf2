/** Races that the store claims to survive. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { listImages } from "../../src/store/images.js";
import { openStore } from "../../src/store/store.js";
import { expectSound } from "../support/expect-sound.js";
import { scratch } from "../support/tmp.js";

const WRITER = fileURLToPath(new URL("writer.js", import.meta.url));

function startWriter(root: string, images: number): ChildProcess {
  return spawn(process.execPath, [WRITER, root, String(images)], { stdio: ["ignore", "pipe", "inherit"] });
}

test("eight processes that add the same images make each layer once", async () => {
  using work = scratch("rivals", 0);
  const root = work.join("root");
  const writers = Array.from({ length: 8 }, () => startWriter(root, 3));
  const ends = await Promise.all(writers.map(async (writer) => (await once(writer, "exit"))[0] as number));
  assert.deepEqual(ends, Array(8).fill(0));
  expectSound(root);
  await using store = await openStore({ root, driver: null });
  assert.equal(listImages(store).images.length, 3);
  assert.equal(store.driver.list().length, 7, "one base, and for each image a layer and another on it");
});
