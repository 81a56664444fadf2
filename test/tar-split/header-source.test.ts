import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OvlError } from "../../src/errors.js";
import type { ByteString } from "../../src/model/bytes.js";
import { TarReader } from "../../src/tar/reader.js";
import type { SplitEntry } from "../../src/tar-split/entry.js";
import { HeaderSource } from "../../src/tar-split/header-source.js";
import * as b from "../support/tar-builder.js";
import { takeApart } from "./support.js";

/** Name and size of every entry, and the size of the content referred to behind it; each payload is passed over. */
function headers(entries: readonly SplitEntry[]): [string, number, number | null][] {
  const source = new HeaderSource(entries);
  const tar = new TarReader(source);
  const found: [string, number, number | null][] = [];
  for (let entry = tar.next(); entry !== null; entry = tar.next()) {
    tar.skipPayload();
    found.push([entry.name, entry.size, entry.size > 0 ? (source.file?.size ?? null) : null]);
  }
  return found;
}

describe("headers from tar-split", () => {
  const segment = (payload: Uint8Array): SplitEntry => ({ type: "segment", payload });
  const reference = (name: string, size: number): SplitEntry => {
    return { type: "file", name: name as ByteString, size, crc64: new Uint8Array(8) };
  };

  it("come one after the other, whatever was between them", () => {
    const { entries } = takeApart(
      b.layer(
        b.dir("d/"),
        b.file("d/a", "hello"),
        b.file("empty"),
        b.hardlink("h", "d/a"),
        b.file("z", "x".repeat(512)),
      ),
    );
    assert.deepEqual(headers(entries), [
      ["d/", 0, null],
      ["d/a", 5, 5],
      ["empty", 0, null],
      ["h", 0, null],
      ["z", 512, 512],
    ]);
  });

  it("are passed at once where content is said to have exabytes", () => {
    const size = 2 ** 62;
    const big = b.file("big", "", { size: BigInt(size) });
    const entries = [segment(big), reference("big", size), segment(b.layer(b.file("next")))];
    assert.deepEqual(headers(entries), [
      ["big", size, size],
      ["next", 0, null],
    ]);
  });

  it("end where less content is referred to than a header announces", () => {
    const entries = [segment(b.file("a", "", { size: 9000 })), reference("a", 5), segment(b.END)];
    assert.throws(
      () => headers(entries),
      (error) => error instanceof OvlError && error.code === "BAD_TAR" && /unexpected end/.test(error.message),
    );
  });
});
