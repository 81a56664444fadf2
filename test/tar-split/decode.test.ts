import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { OvlError } from "../../src/errors.js";
import { byteStringOf } from "../../src/model/bytes.js";
import { decodeSplit } from "../../src/tar-split/decode.js";
import { sourceOf } from "../support/sources.js";
import * as b from "../support/tar-builder.js";
import { shapeOf, takeApart } from "./support.js";

const decode = (gzip: Uint8Array, ...sizes: number[]) => [
  ...decodeSplit(sourceOf(gzip, ...sizes), "tar-split.json.gz"),
];
const decodeText = (text: string) => decode(gzipSync(text));

function refuses(gzip: Uint8Array, why: RegExp, code = "BAD_ROOT"): void {
  assert.throws(
    () => decode(gzip),
    (error) => error instanceof OvlError && error.code === code && why.test(error.message),
  );
}
const refusesText = (text: string, why: RegExp, code?: string) => refuses(gzipSync(text), why, code);

const FILE = '{"type":1,"name":"a","size":5,"payload":"PD7u4tgQAAA=","position":0}\n';
const SEGMENT = '{"type":2,"payload":"AAEC","position":1}\n';

describe("decodeSplit", () => {
  it("reads what was written, however the file is cut", () => {
    const bytes = b.tar(
      b.dir("d/"),
      b.file('d/<&>"\\\n\u2028é', "hello"),
      b.file(b.latin1("caf\xe9"), "x".repeat(100_000)),
      b.END,
      Buffer.alloc(2_000_000, "tail"),
    );
    const { entries, gzip } = takeApart(bytes);
    for (const sizes of [[gzip.length], [1], [1000, 3]]) assert.deepEqual(decode(gzip, ...sizes), entries);
  });

  it("reads gzip of any level, of several members, and a last line without newline", () => {
    for (const level of [0, 1, 9]) assert.equal(decode(gzipSync(FILE + SEGMENT, { level })).length, 2);
    assert.equal(decode(Buffer.concat([gzipSync(FILE), gzipSync(SEGMENT)])).length, 2);
    assert.equal(decodeText(FILE.trimEnd()).length, 1);
    assert.deepEqual(decodeText(""), []);
  });

  it("reads JSON that others would write: other orders, escapes, spaces, keys that mean nothing here", () => {
    const lines = [
      '{ "position" : 7, "future": [1], "payload": null, "name": "\\u00e9\\u20ac\\ud83d\\ude00", "type": 1 }',
      "",
      "  ",
    ];
    assert.deepEqual(shapeOf(decodeText(lines.join("\r\n"))), [`file ${byteStringOf("é€😀")} 0 -`]);
  });

  it("prefers the raw name, as docker does", () => {
    assert.deepEqual(shapeOf(decodeText('{"type":1,"name":"a","name_raw":"/w==","payload":null}')), ["file \xff 0 -"]);
  });

  it("takes base64 as Go does, whose last bits need not be zero", () => {
    for (const base64 of ["AB==", "ABC="]) {
      const usual = `{"type":2,"payload":"${base64}","position":0}`;
      assert.deepEqual(
        shapeOf(decodeText(`${usual}\n{"payload":"${base64}","type":2}`)),
        Array(2).fill(`raw ${base64 === "AB==" ? 1 : 2}`),
      );
    }
    for (const base64 of ["AB", "A===", "-_-_", "AA==AA==", "A A="]) {
      refusesText(`{"type":2,"payload":"${base64}","position":0}`, /line 1 is damaged: its payload is no base64/);
    }
  });

  it("takes an absent payload of a segment for an empty one", () => {
    assert.deepEqual(shapeOf(decodeText('{"type":2}\n{"type":2,"payload":null}')), ["raw 0", "raw 0"]);
  });

  it("refuses a path that comes twice, as docker does", () => {
    for (const name of ["a", "n".repeat(256), "n".repeat(257)]) {
      const lines = [name, `${name}n`, `./${name}`].map((name) => JSON.stringify({ type: 1, name }));
      refusesText(lines.join("\n"), /line 3 .* second time/, "DUPLICATE_PATH");
    }
  });

  for (const [what, line] of Object.entries({
    "no JSON": "{",
    "no JSON object": "[1]",
    "type is neither 1 nor 2": '{"type":3}',
    "type is neither 1 nor 2, for it has none": "{}",
    "type is neither 1 nor 2, but 10,000 brackets": `{"type":${"[".repeat(10_000)}${"]".repeat(10_000)}}`,
    "name is no string": '{"type":1,"name":5}',
    "size is no integer": '{"type":1,"name":"a","size":"5"}',
    "checksum has not 8 bytes": '{"type":1,"name":"a","size":5,"payload":null}',
    "payload is no base64": '{"type":2,"payload":"A"}',
    "name_raw is no base64": '{"type":1,"name_raw":"****"}',
  })) {
    const said = new RegExp(`line 2 is damaged: .*${what.split(",")[0]}`);
    it(`names the line whose ${what}`, () => refusesText(FILE + line, said));
  }

  it("says what is wrong with the gzip", () => {
    const gzip = gzipSync(FILE);
    refuses(Buffer.alloc(0), /empty/);
    refuses(Buffer.from(FILE), /not gzip/);
    refuses(gzip.subarray(0, gzip.length - 3), /unexpected end/);
    refuses(Buffer.concat([gzip, Buffer.from("x")]), /not valid gzip/);
    const flipped = Buffer.from(gzip);
    flipped.writeUInt8(flipped.readUInt8(gzip.length - 6) ^ 1, gzip.length - 6);
    refuses(flipped, /not valid gzip/);
  });

  it("refuses a long line of nothing but brackets before anything is made of it", () => {
    refusesText(`{"type":1,"name":${"[".repeat(2 ** 20)}`, /line 1 is damaged: it is no JSON/);
  });

  it("refuses more entries than it may keep the names of", () => {
    const file = gzipSync(["a", "b", "c"].map((name) => `{"type":1,"name":"${name}"}\n`).join(""));
    assert.equal([...decodeSplit(sourceOf(file), "it", 3)].length, 3);
    assert.throws(() => [...decodeSplit(sourceOf(file), "it", 2)], { code: "BAD_ROOT", message: /line 3/ });
  });

  it("refuses lines without end that hold nothing", () => {
    for (const line of ["\n", " \n", '{"type":2,"payload":""}\n', '{"type":2}\n']) {
      refusesText(line.repeat(20_000), /line 10001 is damaged: like thousands before it, it holds nothing/);
    }
  });

  it("refuses a line without end", () => {
    refuses(gzipSync(Buffer.alloc(70 << 20, "x"), { level: 1 }), /line 1 is damaged: it is longer/);
  });

  it("never answers damage with anything but an error of its own", () => {
    const { gzip } = takeApart(b.layer(b.file("a", "hello"), b.dir("d/"), b.file("b", "x".repeat(1000))));
    for (let at = 0; at < gzip.length; at++) {
      const damaged = Buffer.from(gzip);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x10, at);
      try {
        decode(damaged);
      } catch (error) {
        assert.ok(error instanceof OvlError && error.code !== "INTERNAL", `byte ${at}: ${error}`);
      }
    }
  });
});
