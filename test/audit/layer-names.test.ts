import assert from "node:assert/strict";
import { test } from "node:test";
import type { LayerNode, LayerNodes } from "../../src/audit/layer-headers.js";
import { NamesOfLayer } from "../../src/audit/layer-names.js";
import { byteStringOf } from "../../src/model/bytes.js";

test("a path as it is shown leads to all names of the object, and to none where the layer has no such path", () => {
  const [one, two] = [{ names: 1 } as LayerNode, { names: 2 } as LayerNode];
  const [alone, first, second] = ["d/\x1balone", "d/first", "second"].map(byteStringOf) as [never, never, never];
  const nodes: LayerNodes = new Map([
    [alone, one],
    [first, two],
    [second, two],
  ]);
  const names = new NamesOfLayer(nodes);
  assert.deepEqual(names.shownAs("second"), [first, second]);
  assert.deepEqual(names.shownAs("d/first"), [first, second]);
  assert.deepEqual(names.shownAs("d/\\x1balone"), [alone]);
  assert.deepEqual(names.shownAs("d/absent"), []);
  assert.deepEqual(names.shownAs("../size"), []);
});
