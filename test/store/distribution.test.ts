import assert from "node:assert/strict";
import { lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type DiffId, sha256 } from "../../src/model/digest.js";
import { Distribution } from "../../src/store/distribution.js";
import { scratch } from "../support/tmp.js";

const diffId = sha256("tar") as string as DiffId;
const record = (text: string) => ({ digest: sha256(text), repository: "docker.io/library/x", hmac: "" });

test("blobs of a layer are noted as dockerd notes them, in both directions", () => {
  using work = scratch("distribution", 0);
  const distribution = new Distribution(work.path);
  assert.deepEqual(distribution.blobsOf(diffId), []);
  assert.equal(distribution.diffIdOf(sha256("a")), null);
  distribution.add(diffId, record("a"));
  const byLayer = join(work.path, "v2metadata-by-diffid/sha256", diffId.slice(7));
  const byBlob = join(work.path, "diffid-by-digest/sha256", sha256("a").slice(7));
  const expected = `[{"Digest":"${sha256("a")}","SourceRepository":"docker.io/library/x","HMAC":""}]`;
  assert.equal(readFileSync(byLayer, "utf8"), expected);
  assert.equal(readFileSync(byBlob, "utf8"), diffId);
  assert.equal(lstatSync(byLayer).mode & 0o777, 0o644);
  assert.equal(lstatSync(join(work.path, "diffid-by-digest")).mode & 0o777, 0o755);
  assert.equal(distribution.diffIdOf(sha256("a")), diffId);
});

test("fifty blobs are kept, the newest last, and one that comes again is the newest", () => {
  using work = scratch("distribution", 0);
  const distribution = new Distribution(work.path);
  for (let i = 0; i < 52; i++) distribution.add(diffId, record(`${i}`));
  distribution.add(diffId, record("10"));
  const blobs = distribution.blobsOf(diffId);
  assert.equal(blobs.length, 50);
  assert.deepEqual(blobs[0], record("2"));
  assert.deepEqual(blobs.slice(-2), [record("51"), record("10")]);
});

test("a blob that is not there any more is forgotten, and the last one with its file", () => {
  using work = scratch("distribution", 0);
  const distribution = new Distribution(work.path);
  for (const text of ["a", "b"]) distribution.add(diffId, record(text));
  distribution.remove(diffId, { ...record("a"), hmac: "00" });
  assert.equal(distribution.blobsOf(diffId).length, 2, "another note");
  distribution.remove(diffId, record("a"));
  assert.deepEqual(distribution.blobsOf(diffId), [record("b")]);
  distribution.remove(diffId, record("b"));
  assert.deepEqual(readdirSync(join(work.path, "v2metadata-by-diffid/sha256")), []);
  assert.equal(distribution.diffIdOf(sha256("a")), diffId, "what the blob is stays true");
});

test("what is damaged is no hint, and is written over", () => {
  using work = scratch("distribution", 0);
  const distribution = new Distribution(work.path);
  distribution.add(diffId, record("a"));
  const path = join(work.path, "v2metadata-by-diffid/sha256", diffId.slice(7));
  for (const text of ["", "{", "null", "[1]", '[{"Digest":"x"}]']) {
    writeFileSync(path, text);
    assert.deepEqual(distribution.blobsOf(diffId), []);
  }
  distribution.add(diffId, record("b"));
  assert.deepEqual(distribution.blobsOf(diffId), [record("b")]);
});
