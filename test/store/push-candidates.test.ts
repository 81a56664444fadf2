import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256 } from "../../src/model/digest.js";
import { parseReference } from "../../src/model/reference.js";
import { accountKey, recordHmac } from "../../src/store/account.js";
import { candidatesOf } from "../../src/store/push-candidates.js";

const account = accountKey({ username: "me", password: "x", identityToken: null });
const target = parseReference("r.io/team/app/web:1");

const pulled = (repository: string, text = repository) => ({ digest: sha256(text), repository, hmac: "" });
function pushed(repository: string, text = repository) {
  const blob = { digest: sha256(text), repository };
  return { ...blob, hmac: recordHmac(account, blob) };
}
const shown = (records: readonly { repository: string }[]) => records.map(({ repository }) => repository);

test("repositories of the same registry are asked, those of one's own pushes first, then the most alike, then the newest", () => {
  const records = [
    pulled("r.io/team/app/web2"),
    pulled("r.io/x"),
    pulled("r.io/team/y"),
    pushed("r.io/z"),
    pulled("s.io/team/app/web"),
    pulled("r.io/team/app/api"),
  ];
  const { here, mountable, others } = candidatesOf(records, target, account);
  assert.deepEqual(here, []);
  assert.deepEqual(shown(mountable), ["r.io/z", "r.io/team/app/api", "r.io/team/app/web2", "r.io/team/y"]);
  assert.deepEqual(shown(others), ["r.io/x", "s.io/team/app/web"]);
});

test("the repository itself is asked for what was noted of it, and each blob once", () => {
  const own = "r.io/team/app/web";
  const records = [pulled(own, "a"), pushed(own, "b"), pulled(own, "b"), pulled("r.io/q", "a"), pulled("s.io/q", "c")];
  const { here, mountable, others } = candidatesOf(records, target, account);
  assert.deepEqual(here, [pushed(own, "b"), pulled(own, "a")]);
  assert.deepEqual(mountable, [pulled("r.io/q", "a")]);
  assert.deepEqual(others, [pulled("s.io/q", "c")]);
});

test("a registry is not asked for more than a few of many", () => {
  const many = (repository: string) => Array.from({ length: 20 }, (_, i) => pulled(repository, `${repository} ${i}`));
  const records = [...many("r.io/team/app/web"), ...many("r.io/q"), ...many("s.io/q")];
  const { here, mountable, others } = candidatesOf(records, target, account);
  assert.deepEqual([here.length, mountable.length, others.length], [3, 4, 0]);
  assert.deepEqual(here[0], pulled("r.io/team/app/web", "r.io/team/app/web 19"), "the newest");
});
