/** Byte strings to text and back. */
import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { byteString, byteStringOf, escapedText } from "../../src/model/bytes.js";

it("any bytes come back from their escaped text, and text that is UTF-8 is not escaped", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.equal(byteStringOf(escapedText(byteString(bytes))), byteString(bytes));
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.equal(escapedText(byteStringOf(text)), text);
      assert.equal(byteStringOf(text), Buffer.from(text).toString("latin1"));
    }),
  );
});

it("escapes halves of characters, long forms and surrogates byte by byte", () => {
  for (const hex of ["e9", "c0af", "eda080", "f4908080", "e282", "c3a9ff"]) {
    const bytes = Buffer.from(hex, "hex");
    assert.equal(byteStringOf(escapedText(byteString(bytes))), byteString(bytes), hex);
  }
  assert.equal(escapedText(byteString(Buffer.from("c3a9ff", "hex"))), "é\udcff");
});
