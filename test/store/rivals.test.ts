/** Races and crashes that the store claims to survive. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { listImages } from "../../src/store/images.js";
import { openStore } from "../../src/store/store.js";
import { expectSound } from "../support/expect-sound.js";
import { scratch } from "../support/tmp.js";
import { addImage } from "./build.js";

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

test("a writer killed at any moment leaves a root that the next one makes sound", async () => {
  using work = scratch("rivals", 0);
  const root = work.join("root");
  for (let round = 0; round < 8; round++) {
    const writer = startWriter(root, 1000);
    if (writer.stdout !== null) await once(writer.stdout, "data");
    await sleep(4 * round);
    writer.kill("SIGKILL");
    await once(writer, "exit");
    await using store = await openStore({ root, driver: null }, "write");
    const { images, warnings } = listImages(store);
    assert.deepEqual(warnings, []);
    // What was being added is added again, as somebody would whose pull was killed.
    for (let i = 0; i <= images.length; i++) {
      addImage(store, ["base", `layer ${i}`, "top"], { names: [`image:${i}`], config: { author: `${i}` } });
    }
    expectSound(root);
    await store[Symbol.asyncDispose]();
    rmSync(root, { recursive: true });
  }
});
