import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { goQuote } from "../../src/model/go-quote.js";

describe("goQuote", () => {
  // As strconv.Quote of Go writes them, by what docker ps shows.
  const cases: readonly (readonly [string, string])[] = [
    ["sh -c 'a b'", `"sh -c 'a b'"`],
    [`a"b\\c`, `"a\\"b\\\\c"`],
    ["\x01\x0b\t\r\f\b\x07\n", `"\\x01\\v\\t\\r\\f\\b\\a\\n"`],
    ["\x1b[31mred", `"\\x1b[31mred"`],
    ["\u200b\u2028\x7f\u00a0é<>&", `"\\u200b\\u2028\\x7f\\u00a0é<>&"`],
    ["日本語 ✅", `"日本語 ✅"`],
    ["\u{e0001}", `"\\U000e0001"`],
  ];
  for (const [text, quoted] of cases) {
    it(`writes ${JSON.stringify(text)} as ${quoted}`, () => assert.equal(goQuote(text), quoted));
  }
});
