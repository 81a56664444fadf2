import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ByteString, byteStringOf } from "../../src/model/bytes.js";
import { encodeEntry } from "../../src/tar-split/encode.js";

const file = (name: string) => encodeEntry({ type: "file", name: name as ByteString, size: 0, crc64: null }, 3);

describe("encodeEntry", () => {
  it("writes files as Go does", () => {
    const crc64 = Buffer.from("PD7u4tgQAAA=", "base64");
    assert.equal(
      encodeEntry({ type: "file", name: "a" as ByteString, size: 5, crc64 }, 1),
      '{"type":1,"name":"a","size":5,"payload":"PD7u4tgQAAA=","position":1}\n',
    );
  });

  it("writes a file without content with a null payload and no size", () => {
    assert.equal(file("d/"), '{"type":1,"name":"d/","payload":null,"position":3}\n');
  });

  it("writes segments, empty ones too", () => {
    assert.equal(
      encodeEntry({ type: "segment", payload: new Uint8Array(0) }, 5),
      '{"type":2,"payload":"","position":5}\n',
    );
    assert.equal(
      encodeEntry({ type: "segment", payload: Uint8Array.of(0, 255, 16) }, 0),
      '{"type":2,"payload":"AP8Q","position":0}\n',
    );
  });

  it("encodes the part of a larger buffer that it is given", () => {
    const payload = Buffer.from("abcdef").subarray(2, 4);
    assert.match(encodeEntry({ type: "segment", payload }, 0), /"payload":"Y2Q="/);
  });

  it("leaves out an empty name", () => {
    assert.equal(file(""), '{"type":1,"payload":null,"position":3}\n');
  });

  it("escapes what Go escapes, and nothing else", () => {
    for (const [name, json] of [
      ["<>&", "\\u003c\\u003e\\u0026"],
      ['"\\', '\\"\\\\'],
      ["\n\r\t", "\\n\\r\\t"],
      ["\0\x01\b\f\x1f", "\\u0000\\u0001\\u0008\\u000c\\u001f"],
      ["\x7f/'", "\x7f/'"],
      [byteStringOf("\u2028é\u2029€"), `\\u2028${byteStringOf("é")}\\u2029${byteStringOf("€")}`],
      [byteStringOf("\u2027\u202a"), byteStringOf("\u2027\u202a")],
      [byteStringOf("\ufeff😀"), byteStringOf("\ufeff😀")],
    ] as const) {
      assert.equal(file(name), `{"type":1,"name":"${json}","payload":null,"position":3}\n`);
    }
  });

  it("writes names that are not UTF-8 as bytes", () => {
    for (const name of ["caf\xe9", "\xff", "\xed\xa0\x80", "\xc0\xaf", "a\xe2\x80"]) {
      const raw = Buffer.from(name, "latin1").toString("base64");
      assert.equal(file(name), `{"type":1,"name_raw":"${raw}","payload":null,"position":3}\n`);
    }
  });

  it("writes sizes in full", () => {
    const sized = (size: number) => encodeEntry({ type: "file", name: "a" as ByteString, size, crc64: null }, 0);
    assert.match(sized(-5), /"size":-5,/);
    assert.match(sized(2 ** 62), /"size":4611686018427387904,/);
  });
});
