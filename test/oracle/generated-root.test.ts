/**
 * The roots that the measurements of a large root are made on are what they pass for, at sizes that a
 * test has time for.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { generateRoot } from "../../bench/root-generator.js";
import { checkRoot } from "../../src/audit/fsck.js";
import { openStore } from "../../src/store/store.js";
import { startDockerd } from "../support/dockerd.js";
import { expectSound } from "../support/expect-sound.js";
import { oracle } from "../support/oracles.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { linesOf } from "./agreement.js";

const SIZE = { images: 12, layers: 90, containers: 15 };

interface Report {
  readonly problems: readonly unknown[];
  readonly checked: { readonly images: number; readonly layers: number; readonly containers: number };
}

describe("a generated root", { skip: oracle("root") }, () => {
  let space: Scratch;
  let root: string;

  before(async () => {
    space = scratch("generated");
    root = space.join("root");
    await generateRoot(root, SIZE);
  });
  after(() => space?.[Symbol.dispose]());

  it("has what was asked for, and nothing in it is wrong, down to the last byte of its layers", async () => {
    expectSound(root);
    const { status, json } = await ovlJson<Report>(["fsck", "--deep", "--root", root]);
    const { images, layers, containers } = json.checked;
    assert.deepEqual([status, json.problems], [0, []]);
    assert.deepEqual({ images, layers, containers }, SIZE);
  });

  it("shares layers among its images", async () => {
    const { json } = await ovlJson<{ readonly images: { readonly layers: number }[] }>(["images", "--root", root]);
    const heights = json.images.reduce((sum, image) => sum + image.layers, 0);
    assert.ok(heights > SIZE.layers, `${heights} layers of images, ${SIZE.layers} of the root`);
  });

  it("costs fsck as many files as it is large", async () => {
    const larger = space.join("larger");
    await generateRoot(larger, { images: 4 * SIZE.images, layers: 4 * SIZE.layers, containers: 4 * SIZE.containers });
    const [small, large] = await Promise.all([root, larger].map(filesRead));
    assert.ok(small !== undefined && large !== undefined && large < 4.1 * small, `${small} files, then ${large}`);
  });

  it("is dockerd's own: it starts, lists the same, and knows what the containers wrote", {
    skip: oracle("dockerd"),
  }, async () => {
    const byOvl = async (...args: string[]) =>
      linesOf((await ovl([...args, "-q", "--no-trunc", "--root", root])).stdout);
    const images = await byOvl("images");
    const containers = await byOvl("ps", "-a");
    assert.deepEqual([new Set(images).size, containers.length], [SIZE.images, SIZE.containers]);
    await using daemon = await startDockerd(root);
    const byDocker = async (...args: string[]) => linesOf(await daemon.dockerOk([...args, "-q", "--no-trunc"]));
    assert.deepEqual((await byDocker("images")).sort(), images.sort());
    assert.deepEqual((await byDocker("ps", "-a")).sort(), containers.sort());
    assert.deepEqual(linesOf(await daemon.dockerOk(["diff", "container-3"])), ["A /written-by-the-container"]);
    assert.doesNotMatch(daemon.log(), /level=error/);
  });
});

async function filesRead(root: string): Promise<number> {
  await using store = await openStore({ root, driver: null });
  return checkRoot(store).checked.files;
}
