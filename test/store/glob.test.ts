import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { OvlError } from "../../src/errors.js";
import { goGlob } from "../../src/store/glob.js";

/** As Go's path.Match answers. */
const CASES: readonly (readonly [pattern: string, text: string, matches: boolean])[] = [
  ["my-app", "my-app", true],
  ["my-*", "my-app", true],
  ["*-app", "my-app", true],
  ["a*", "a/b", false],
  ["a/*", "a/b", true],
  ["a?c", "abc", true],
  ["a?c", "a/c", false],
  ["a.c", "abc", false],
  ["[a-c]x", "bx", true],
  ["[^a-c]x", "bx", false],
  ["[c-a]x", "bx", false],
  ["[a\\-c]x", "-x", true],
  ["[\\-x]", "-", true],
  ["\\*", "*", true],
  ["\\*", "x", false],
  ["^$.+(){}|/-", "^$.+(){}|/-", true],
  ["registry-1.example.com/team_a/app-b", "registry-1.example.com/team_a/app-b", true],
];

describe("patterns of names", () => {
  for (const [pattern, text, matches] of CASES) {
    it(`${pattern} ${matches ? "matches" : "does not match"} ${text}`, () => {
      assert.equal(goGlob(pattern)(text), matches);
    });
  }

  it("are taken, or refused as malformed, whatever they are made of", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab-]^[\\*?/.{}()$|+") }), (pattern) => {
        try {
          goGlob(pattern)("a-b");
        } catch (thrown) {
          assert.ok(thrown instanceof OvlError && thrown.code === "USAGE", `${pattern}: ${String(thrown)}`);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("without a character of their own match themselves", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."abc-/._:@+{}()^$|") }), (text) => {
        assert.equal(goGlob(text)(text), true);
      }),
    );
  });
});
