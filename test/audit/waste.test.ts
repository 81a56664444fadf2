/** Bytes that nobody sees, by what became of them; the same for a SOURCE and for the stored image. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import type { Waste } from "../../src/audit/waste.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { dir, file, hardlink, layer, opaque, symlink, whiteout } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

const A = "a".repeat(1000);
const B = "b".repeat(300);

let work: Scratch;
let root: string;
before(() => {
  work = scratch("waste", 0);
  root = work.join("root");
});
after(() => work[Symbol.dispose]());

type Item = Waste["items"][number];

let images = 0;
/** What both ways of asking say, which is the same. */
async function waste(...layers: readonly Uint8Array[]): Promise<Waste> {
  const name = `waste/app:${images++}`;
  const path = work.join(`${images}.tar`);
  writeFileSync(path, archive(dockerArchive([image({ layers, names: [name] })])));
  const source = await ovlJson<Waste>(["waste", path]);
  assert.equal(source.status, 0, source.stderr);
  assert.equal((await ovl(["pull", "-q", path, "--root", root])).status, 0);
  const stored = await ovlJson<Waste>(["waste", name, "--root", root]);
  assert.equal(stored.status, 0, stored.stderr);
  assert.deepEqual(stored.json, source.json);
  assert.equal(
    source.json.wastedBytes,
    source.json.items.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  return source.json;
}

const item = (path: string, kind: Item["kind"], bytes: number, layers: number[]): Item => ({
  path,
  kind,
  bytes,
  layers,
});

describe("waste", () => {
  it("is nothing where every layer adds something else", async () => {
    const { items, efficiency } = await waste(layer(dir("d/"), file("d/a", A)), layer(dir("d/"), file("d/b", A)));
    assert.deepEqual([items, efficiency], [[], 1]);
  });

  it("tells rewriting from a change of metadata", async () => {
    const { items, efficiency } = await waste(
      layer(file("a", A), file("b", B)),
      layer(file("a", A, { uid: 1000 }), file("b", A)),
      layer(file("b", "", {})),
    );
    assert.deepEqual(items, [item("/b", "rewritten", 1300, [0, 1, 2]), item("/a", "metadata", 1000, [0, 1])]);
    // a: least 1000 of 2000; b: least 0 of 1300.
    assert.equal(efficiency, 1000 / 3300);
  });

  it("tells moving from deleting", async () => {
    const { items, efficiency } = await waste(
      layer(dir("d/"), file("d/a", A), file("d/b", B)),
      layer(dir("d/"), whiteout("d/a"), whiteout("d/b"), dir("e/"), file("e/a", A)),
    );
    assert.deepEqual(items, [item("/d/a", "moved", 1000, [0, 1]), item("/d/b", "deleted", 300, [0, 1])]);
    // d/a and d/b: least 0 of 1300; e/a: all of 1000.
    assert.equal(efficiency, 1000 / 2300);
  });

  it("looks into directories that are deleted, made opaque or replaced", async () => {
    const below = layer(dir("x/"), dir("x/y/"), file("x/y/a", A), dir("o/"), file("o/b", B), dir("r/"), file("r/c", B));
    const { items, efficiency } = await waste(
      below,
      layer(whiteout("x"), opaque("o"), dir("o/"), file("o/b", B), symlink("r", "o")),
    );
    assert.deepEqual(items, [
      item("/x/y/a", "deleted", 1000, [0, 1]),
      item("/o/b", "metadata", 300, [0, 1]),
      item("/r/c", "deleted", 300, [0, 1]),
    ]);
    // As dive has it: x is a leaf of 1000 in the upper layer only; o/b has least 300 of 600; r/c and x/y/a are whole.
    assert.equal(efficiency, (1000 + 300 + 300 + 1000) / (1000 + 600 + 300 + 1000));
  });

  it("counts bytes with several names when the last of them is hidden", async () => {
    const first = layer(file("a", A), hardlink("b", "a"));
    assert.deepEqual((await waste(first, layer(whiteout("a")))).items, []);
    const { items } = await waste(first, layer(whiteout("a")), layer(whiteout("b")));
    assert.deepEqual(items, [item("/b", "deleted", 1000, [0, 2])]);
  });

  it("takes names as an extraction does, and whiteouts of nothing for nothing", async () => {
    const { items } = await waste(
      layer(file("./a", A), file("/d//b", B)),
      layer(whiteout("absent"), whiteout("no/such"), file("a", A), file("d/b", A)),
    );
    assert.deepEqual(items, [item("/a", "metadata", 1000, [0, 1]), item("/d/b", "rewritten", 300, [0, 1])]);
  });
});

describe("waste, as a gate", () => {
  it("ends with 1 where a limit is exceeded, and says which", async () => {
    await waste(layer(file("gate", A)), layer(file("gate", B)));
    const path = work.join(`${images}.tar`);
    const run = async (...flags: string[]) => {
      const { status, stderr } = await ovl(["waste", path, "-q", ...flags]);
      return [status, stderr.includes("--min-efficiency"), stderr.includes("--max-wasted")];
    };
    // 300 of 1300.
    assert.deepEqual(await run("--min-efficiency", "0.23", "--max-wasted", "1kB"), [0, false, false]);
    assert.deepEqual(await run("--min-efficiency", "24%"), [1, true, false]);
    assert.deepEqual(await run("--max-wasted", "999"), [1, false, true]);
    assert.deepEqual((await run("--min-efficiency", "95"))[0], 2);
    assert.deepEqual((await run("--max-wasted", "much"))[0], 2);
  });

  it("counts a layer without its tar-split as empty, and says so", async () => {
    const broken = work.join("broken");
    const name = `waste/app:${images - 1}`;
    await ovl(["pull", "-q", work.join(`${images}.tar`), "--root", broken]);
    const chain = await ovlJson<{ layers: { chainId: string }[] }>(["chain", name, "--root", broken]);
    const hex = chain.json.layers[1]?.chainId.slice(7) ?? "";
    rmSync(`${broken}/image/overlay2/layerdb/sha256/${hex}/tar-split.json.gz`);
    const { status, json, stderr } = await ovlJson<Waste>(["waste", name, "--root", broken]);
    assert.deepEqual([status, json.items], [0, []]);
    assert.match(stderr, /is counted as empty/);
  });
});
