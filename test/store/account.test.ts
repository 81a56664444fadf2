import assert from "node:assert/strict";
import { test } from "node:test";
import { type Digest, sha256 } from "../../src/model/digest.js";
import { accountKey, isOf, recordHmac } from "../../src/store/account.js";

const blob = { digest: sha256("blob") as Digest, repository: "r.io/a" };

test("an account's key is a digest of its credentials as Go writes them, without what it has not", () => {
  assert.equal(accountKey(null), sha256("{}"));
  const password = { username: "me", password: "<&>", identityToken: null };
  assert.equal(accountKey(password), sha256('{"username":"me","password":"\\u003c\\u0026\\u003e"}'));
  const token = { username: "", password: "", identityToken: "t" };
  assert.equal(accountKey(token), sha256('{"identitytoken":"t"}'));
});

test("a note belongs to one account, one blob and one repository", () => {
  const [mine, other] = ["me", "you"].map((username) => accountKey({ username, password: "x", identityToken: null }));
  const record = { ...blob, hmac: recordHmac(mine as string, blob) };
  assert.match(record.hmac, /^[0-9a-f]{64}$/);
  assert.equal(isOf(mine as string, record), true);
  assert.equal(isOf(other as string, record), false);
  assert.equal(isOf(mine as string, { ...record, repository: "r.io/b" }), false);
  for (const hmac of ["", "zz", record.hmac.slice(1)]) assert.equal(isOf(mine as string, { ...blob, hmac }), false);
});
