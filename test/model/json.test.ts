import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type JsonLimits, parseJson } from "../../src/model/json.js";

const limits: JsonLimits = { subject: "thing", code: "BAD_MANIFEST", maxBytes: 1 << 20 };
const parse = (text: string | Uint8Array, over: Partial<JsonLimits> = {}) =>
  parseJson(Buffer.from(text as string), { ...limits, ...over });

describe("parseJson", () => {
  it("gives what JSON.parse gives", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        assert.deepEqual(parse(text), JSON.parse(text));
        assert.deepEqual(parse(text, { trailing: "ignore" }), JSON.parse(text));
      }),
    );
  });

  it("stops behind the first array or object when told to", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.string(), (value, junk) => {
        assert.deepEqual(
          parse(JSON.stringify(value) + junk, { trailing: "ignore" }),
          JSON.parse(JSON.stringify(value)),
        );
      }),
    );
  });

  it("stops behind a first scalar at a space", () => {
    assert.equal(parse("null junk", { trailing: "ignore" }), null);
    assert.equal(parse(' "a b" junk', { trailing: "ignore" }), "a b");
    for (const text of ["]", "\\", '"', '\\"]', '"\\\\', '\\\\\\"}']) {
      assert.deepEqual(parse(`${JSON.stringify([text, text])}]"`, { trailing: "ignore" }), [text, text]);
    }
  });

  it("refuses what follows otherwise", () => {
    assert.throws(() => parse("[]x"), { code: "BAD_MANIFEST", message: /thing is not valid JSON/ });
  });

  it("keeps __proto__ a key", () => {
    const value = parse('{"__proto__":{"polluted":true}}') as object;
    assert.deepEqual(Object.keys(value), ["__proto__"]);
    assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  });

  it("replaces invalid UTF-8, and refuses a byte order mark", () => {
    for (const [text, expected] of [
      ["\\ud800", "\ufffd"],
      ["\\uDFFFx", "\ufffdx"],
      ["\\ud800\\u0041", "\ufffdA"],
      ["\\ud800\\ud83d\\ude00", "\ufffd\u{1f600}"],
      ["\\\\ud800", "\\ud800"],
      ["\\\\\\ud800", "\\\ufffd"],
    ] as const) {
      assert.equal(parse(`"${text}"`), expected);
      assert.deepEqual(parse(`{"${text}":1}`), { [expected]: 1 });
    }
    assert.equal(parse(Buffer.from('"a\xffb"', "latin1")), "a\ufffdb");
    assert.throws(() => parse("\ufeff[]"), { code: "BAD_MANIFEST" });
  });

  it("gives no value that could not be written again", () => {
    const deep = `${'{"a":['.repeat(500)}${"]}".repeat(500)}`;
    assert.equal(JSON.stringify(structuredClone(parse(deep))), deep);
  });

  it("bounds size and nesting, and does not count brackets in strings", () => {
    assert.throws(() => parse("[]", { maxBytes: 1 }), { message: "thing is 2 bytes; at most 1 are read" });
    assert.throws(() => parse("[".repeat(1e6)), { message: /nests more than 1000 levels/ });
    assert.throws(() => parse("[[1]]", { maxDepth: 1 }), { message: /nests more than 1 levels/ });
    assert.deepEqual(parse('["[[[[\\"[[[["]', { maxDepth: 1 }), ['[[[["[[[[']);
  });

  it("never quotes the document in its message", () => {
    assert.throws(
      () => parse('{"a": \u001b[31m}'),
      (error: Error) => !/\u001b/.test(error.message),
    );
  });
});
