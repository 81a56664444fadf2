import assert from "node:assert/strict";
import { test } from "node:test";
import { checkName, makeName } from "../../src/container/name.js";

test("names are those that docker takes", () => {
  for (const name of ["web", "a1", "A_b.c-d", "0x"]) assert.equal(checkName(name), name);
  assert.equal(checkName("/web"), "web");
  for (const name of ["", "/", "a", "-ab", ".ab", "_ab", "a b", "a/b", "äb", "//ab", "ab\n"]) {
    assert.throws(() => checkName(name), { code: "USAGE" }, name);
  }
});

test("a name that is made up is one that docker takes and nobody has", () => {
  const id = "0123456789ab".padEnd(64, "c");
  const taken = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const name = makeName(taken, id);
    assert.equal(checkName(name), name);
    assert.ok(!taken.has(name));
    taken.add(name);
  }
  const everything = { has: () => true } as unknown as ReadonlySet<string>;
  assert.equal(makeName(everything, id), "0123456789ab");
});
