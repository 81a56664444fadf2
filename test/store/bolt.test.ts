import assert from "node:assert/strict";
import { test } from "node:test";
import { type BoltEntry, visitBolt } from "../../src/store/bolt.js";
import { branch, bucketAt, database, inline, leaf, PAGE } from "./bolt-builder.js";

const KEYS = database(7n, 3, [
  branch([5, 6]),
  leaf([["gone", "x"]]),
  leaf([["a", "1"], bucketAt("big", 7)]),
  leaf([inline("small", [["b", "2"]]), ["z", ""]]),
  leaf([["c", "3"]]),
]);

/** null for what is no database. */
function keysOf(file: Buffer): string[] | null {
  const keys: string[] = [];
  const add = ({ bucket, key }: BoltEntry) => keys.push((bucket === null ? "" : `${bucket}/`) + key);
  return visitBolt(file, add) ? keys : null;
}

test("keys of all buckets are read, with the bucket that they are in; what was given up is not", () => {
  assert.deepEqual(keysOf(KEYS), ["a", "big", "big/c", "small", "small/b", "z"]);
});

test("the newest meta page that was written wholly is the one that counts", () => {
  const older = Buffer.from(KEYS);
  older[PAGE + 16 + 20] = 1;
  assert.deepEqual(keysOf(older), ["gone"]);
});

test("what is no database, or a damaged one, has no answer", () => {
  assert.equal(keysOf(Buffer.from("text")), null);
  assert.equal(keysOf(KEYS.subarray(0, 6 * PAGE)), null);
  const ring = Buffer.from(KEYS);
  ring.writeBigUInt64LE(3n, 3 * PAGE + 16 + 8);
  assert.equal(keysOf(ring), null);
  const long = Buffer.from(KEYS);
  long.writeUInt32LE(1e9, 5 * PAGE + 16 + 8);
  assert.equal(keysOf(long), null);
});

test("a few kilobytes that hold any number of keys are no database", () => {
  // Each of these pages has two buckets that are one and the same: the next one.
  const pages = 40;
  const step = 80;
  const nested = Buffer.alloc(pages * step);
  for (let page = 0; page < pages; page++) {
    const at = page * step;
    nested.writeUInt16LE(2, at + 8);
    nested.writeUInt16LE(page === pages - 1 ? 0 : 2, at + 10);
    for (const element of [at + 16, at + 32]) {
      nested.writeUInt32LE(1, element);
      nested.writeUInt32LE(at + step - 16 - element, element + 4);
      nested.writeUInt32LE(nested.length - at - step + 16, element + 12);
    }
  }
  assert.equal(keysOf(database(7n, 3, [nested])), null);
});
