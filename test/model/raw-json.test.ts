import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { byteStringOf, utf8Of } from "../../src/model/bytes.js";
import { goJson } from "../../src/model/go-json.js";
import { compact, rawMembers } from "../../src/model/raw-json.js";

const spaced = (value: unknown) => byteStringOf(JSON.stringify(value, null, "\t\n "));

describe("raw JSON", () => {
  it("gives the members of an object as they are written", () => {
    const members = rawMembers(
      byteStringOf(' { "a\\u0062" : 1.50e+3 , "c":[ 1, "}" ],"d":{"e":"\\""},"f":null,"c":"," } '),
    );
    assert.deepEqual(
      [...members],
      [
        ["ab", "1.50e+3 "],
        ["c", '","'],
        ["d", '{"e":"\\""}'],
        ["f", "null"],
      ],
    );
    assert.deepEqual([...rawMembers(byteStringOf("{}"))], []);
  });

  it("loses no member of any object", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        const members = rawMembers(spaced(object));
        const parsed = [...members].map(([key, raw]) => [key, JSON.parse(utf8Of(raw) as string)]);
        assert.deepEqual(Object.fromEntries(parsed), JSON.parse(JSON.stringify(object)));
      }),
    );
  });

  it("is compacted without changing a number or an escape", () => {
    assert.equal(compact(byteStringOf(' [ 1.0 , 1e2 ,\n"a b\\/\\u00e9" ] ')), '[1.0,1e2,"a b\\/\\u00e9"]');
    assert.equal(
      compact(byteStringOf('["<&>\u2028\u2029\u202a"]')),
      `["\\u003c\\u0026\\u003e\\u2028\\u2029${byteStringOf("\u202a")}"]`,
    );
  });

  it("means the same when compacted, and then has no space left to lose", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const once = compact(spaced(value));
        assert.deepEqual(JSON.parse(utf8Of(once) as string), JSON.parse(JSON.stringify(value)));
        assert.equal(compact(once), once);
      }),
    );
  });
});

describe("goJson", () => {
  it("escapes as Go does", () => {
    assert.equal(
      goJson('<a href="x">\b\f\n\r\t\u0001\u007f\u2028é\\'),
      '"\\u003ca href=\\"x\\"\\u003e\\u0008\\u000c\\n\\r\\t\\u0001\u007f\\u2028é\\\\"',
    );
  });

  it("orders the keys of a map by their bytes, and leaves those of a struct", () => {
    // In UTF-16 the surrogates of U+1F600 come before U+FFFD; in UTF-8 after.
    assert.equal(
      goJson(
        new Map([
          ["\u{1f600}", 1],
          ["\ufffd", 2],
          ["a", 3],
        ]),
      ),
      '{"a":3,"\ufffd":2,"\u{1f600}":1}',
    );
    assert.equal(goJson({ b: [true, null, 1], a: "" }), '{"b":[true,null,1],"a":""}');
  });
});
