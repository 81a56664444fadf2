import assert from "node:assert/strict";
import { it } from "node:test";
import { oracle } from "../support/oracles.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { scratch } from "../support/tmp.js";

interface Info {
  readonly engines: { readonly gzip: string; readonly crc64: string; readonly zstd: string };
}

async function engines(choice: string): Promise<Info["engines"]> {
  using dir = scratch("engines", 0);
  const { status, json } = await ovlJson<Info>(["info", "--root", dir.path], { env: { OVL_ENGINES: choice } });
  assert.equal(status, 0);
  return json.engines;
}

it("info names the engines that are in use: Node's own and npm's where OVL_ENGINES says so", async () => {
  const { gzip, crc64, zstd } = await engines("node");
  assert.match(gzip, /^zlib [\d.]+.* \(node\)$/);
  assert.equal(crc64, "hash-wasm");
  assert.match(zstd, /\(node\)$|^fzstd$/);
});

it("info names ISA-L where it is installed", { skip: oracle("igzip") }, async () => {
  const { gzip, crc64 } = await engines("auto");
  assert.deepEqual([gzip, crc64], ["isa-l", "isa-l"]);
});

it("an engine that there is none of is refused", async () => {
  const { status, stderr } = await ovl(["info"], { env: { OVL_ENGINES: "isal" } });
  assert.equal(status, 2);
  assert.match(stderr, /OVL_ENGINES is "isal"; it can be auto or node/);
});
