import assert from "node:assert/strict";
import { test } from "node:test";
import { type BoltEntry, boltEntries } from "../../src/store/bolt.js";
import { branch, bucketAt, database, inline, leaf, PAGE } from "./bolt-builder.js";

const KEYS = database(7n, 3, [
  branch([5, 6]),
  leaf([["gone", "x"]]),
  leaf([["a", "1"], bucketAt("big", 7)]),
  leaf([inline("small", [["b", "2"]]), ["z", ""]]),
  leaf([["c", "3"]]),
]);

function keys(entries: BoltEntry[] | null): string[] | undefined {
  return entries?.map(({ bucket, key }) => (bucket === null ? "" : `${bucket}/`) + key);
}

test("keys of all buckets are read, with the bucket that they are in; what was given up is not", () => {
  assert.deepEqual(keys(boltEntries(KEYS)), ["a", "big", "big/c", "small", "small/b", "z"]);
});

test("the newest meta page that was written wholly is the one that counts", () => {
  const older = Buffer.from(KEYS);
  older[PAGE + 16 + 20] = 1;
  assert.deepEqual(keys(boltEntries(older)), ["gone"]);
});

test("what is no database, or a damaged one, has no answer", () => {
  assert.equal(boltEntries(Buffer.from("text")), null);
  assert.equal(boltEntries(KEYS.subarray(0, 6 * PAGE)), null);
  const ring = Buffer.from(KEYS);
  ring.writeBigUInt64LE(3n, 3 * PAGE + 16 + 8);
  assert.equal(boltEntries(ring), null);
  const long = Buffer.from(KEYS);
  long.writeUInt32LE(1e9, 5 * PAGE + 16 + 8);
  assert.equal(boltEntries(long), null);
});
