import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { suite, test } from "node:test";
import type { ByteSource } from "../../src/blob/byte-source.js";
import { hashing, verified, verifyBytes } from "../../src/blob/verify.js";
import type { Digest } from "../../src/model/digest.js";
import { readAll, sourceOf } from "../support/inflate.js";

const bytes = Buffer.from("all the bytes of a blob, which are not many\n".repeat(50));
const sha256 = `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
const sha512 = `sha512:${createHash("sha512").update(bytes).digest("hex")}` as Digest;
const other = `sha256:${"0".repeat(64)}` as Digest;
const subject = "blob of app.tar";

suite("a verified source", () => {
  test("passes on what is as claimed, with either algorithm", () => {
    for (const digest of [sha256, sha512, null]) {
      for (const size of [bytes.length, null]) {
        const source = verified(sourceOf(bytes, 100), { digest, size, subject });
        assert.deepEqual(readAll(source), bytes);
        assert.equal(source.read(), null);
      }
    }
  });

  test("throws instead of ending when the digest differs, and again when asked again", () => {
    const source = verified(sourceOf(bytes, 100), { digest: other, size: null, subject });
    const expected = { code: "DIGEST_MISMATCH", fields: { subject, expected: other, actual: sha256 } };
    assert.throws(() => readAll(source), expected);
    assert.throws(() => source.read(), expected);
  });

  test("throws SIZE_MISMATCH when the bytes end early, whatever their digest", () => {
    const source = verified(sourceOf(bytes, 100), { digest: other, size: bytes.length + 1, subject });
    assert.throws(() => readAll(source), {
      code: "SIZE_MISMATCH",
      fields: { subject, expected: bytes.length + 1, actual: bytes.length },
    });
  });

  test("stops at the first byte too many: nothing of that piece is passed on, nothing more is read", () => {
    let reads = 0;
    const endless: ByteSource = {
      read() {
        reads++;
        return bytes.subarray(0, 100);
      },
    };
    const source = verified(endless, { digest: sha256, size: 200, subject });
    assert.equal(source.read()?.length, 100);
    assert.equal(source.read()?.length, 100);
    for (let i = 0; i < 2; i++) {
      assert.throws(() => source.read(), { code: "SIZE_MISMATCH", fields: { subject, expected: 200, actual: 300 } });
    }
    assert.equal(reads, 3);
  });

  test("of no bytes is verified too", () => {
    const digest = `sha256:${createHash("sha256").digest("hex")}` as Digest;
    assert.equal(verified(sourceOf(Buffer.alloc(0)), { digest, size: 0, subject }).read(), null);
    assert.throws(() => verified(sourceOf(Buffer.alloc(0)), { digest: sha256, size: 0, subject }).read(), {
      code: "DIGEST_MISMATCH",
    });
  });
});

test("verifyBytes checks a document as a whole", () => {
  for (const digest of [sha256, sha512, null]) verifyBytes(bytes, { digest, size: bytes.length, subject });
  assert.throws(() => verifyBytes(bytes, { digest: other, size: null, subject }), {
    code: "DIGEST_MISMATCH",
    fields: { subject, expected: other, actual: sha256 },
  });
  assert.throws(() => verifyBytes(bytes, { digest: sha256, size: 1, subject }), {
    code: "SIZE_MISMATCH",
    fields: { subject, expected: 1, actual: bytes.length },
  });
});

test("hashing counts and digests what passes", () => {
  const source = hashing(sourceOf(bytes, 7, 1000));
  assert.deepEqual(readAll(source), bytes);
  assert.equal(source.bytes, bytes.length);
  assert.equal(source.digest(), sha256);
});
