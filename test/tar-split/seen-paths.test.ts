/** What is kept of the names in a layer, whoever made them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { decodeSplit } from "../../src/tar-split/decode.js";
import { SplitReader } from "../../src/tar-split/disassemble.js";
import { SeenPaths } from "../../src/tar-split/seen-paths.js";
import { sourceOf } from "../support/sources.js";
import * as b from "../support/tar-builder.js";
import { newCrc64 } from "./support.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes of strings and objects that something refers to. */
function inUse(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

const COUNT = 100;
const LENGTH = 400_000;
/** A quarter of the names. */
const FEW = (COUNT * LENGTH) / 4;
const nameOf = (i: number) => `${i}${"n".repeat(LENGTH)}`;

describe("the paths of a layer that were seen", () => {
  it("are known again, whatever their length", () => {
    const seen = new SeenPaths();
    for (const length of [1, 255, 256, 257, 5000]) {
      assert.equal(seen.add("p".repeat(length)), true, `${length}`);
      assert.equal(seen.add("p".repeat(length)), false, `${length} again`);
    }
    assert.equal(seen.size, 5);
  });

  it("are not kept where they are long: of global headers that name themselves", () => {
    let next = 0;
    const source = { read: () => (next < COUNT ? b.paxGlobal({ path: nameOf(next++) }) : null) };
    const split = new SplitReader(source, { add() {} }, newCrc64);
    const before = inUse();
    for (let i = 0; i < COUNT; i++) assert.equal(split.next()?.type, "global");
    assert.ok(inUse() - before < FEW);
    assert.equal(split.finish().entries, COUNT);
  });

  it("are not kept where they are long: of tar-split", () => {
    const lines = Array.from({ length: COUNT }, (_, i) =>
      gzipSync(`${JSON.stringify({ type: 1, name: nameOf(i) })}\n`),
    );
    const entries = decodeSplit(sourceOf(Buffer.concat(lines), 65536), "tar-split.json.gz");
    const before = inUse();
    for (let i = 0; i < COUNT; i++) assert.equal(entries.next().value?.type, "file");
    assert.ok(inUse() - before < FEW);
    assert.equal(entries.next().done, true);
  });
});
