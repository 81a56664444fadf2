import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadCrc64 } from "../../src/blob/crc64.js";
import { list } from "../../src/layer/list.js";
import { Ring } from "../../src/layer/ring.js";
import { sourceOf } from "../support/sources.js";
import { dir, file, hardlink, layer } from "../support/tar-builder.js";

async function listed(tar: Uint8Array, limits: { maxBytes?: number; maxEntries?: number } = {}) {
  const job = { stage: "list", ring: new Ring(0).memory, diffId: null, maxBytes: limits.maxBytes ?? 1000 } as const;
  return list(job, sourceOf(tar), await loadCrc64(), limits.maxEntries).listed ?? [];
}

describe("the list of a layer's entries", () => {
  const tar = layer(dir("d/"), file("d/a", "123456789"), hardlink("b", "d/a"));

  it("says what each is, and the checksum of its content", async () => {
    assert.deepEqual(await listed(tar), [
      { path: "d", kind: "directory", size: 0, crc64: "", target: null },
      { path: "d/a", kind: "file", size: 9, crc64: "b90956c775a41001", target: null },
      { path: "b", kind: "link", size: 0, crc64: "", target: "d/a" },
    ]);
  });

  it("ends where there are more than may be held, or more bytes in them", async () => {
    assert.equal((await listed(tar, { maxEntries: 3, maxBytes: 9 })).length, 3);
    await assert.rejects(listed(tar, { maxEntries: 2 }), { code: "BAD_TAR" });
    const long = "n".repeat(200);
    assert.equal((await listed(layer(file(long, "", { gnuLong: true })), { maxEntries: 2 })).length, 1);
    const both = layer(file(long, "", { gnuLong: true }), hardlink("l", long, { gnuLong: true }));
    await assert.rejects(listed(both, { maxEntries: 2 }), { code: "BAD_TAR", message: /300 bytes of names/ });
    await assert.rejects(listed(tar, { maxBytes: 8 }), { code: "BAD_TAR" });
  });
});
