import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type ByteString, byteStringOf } from "../../src/model/bytes.js";
import { type GoEntry, goHeader } from "../../src/tar/go-header.js";
import { TarReader } from "../../src/tar/reader.js";
import { END_OF_ARCHIVE } from "../../src/tar/writer.js";
import { sourceOf } from "../support/sources.js";

const read = (entry: GoEntry) =>
  new TarReader(sourceOf(Buffer.concat([goHeader(entry), END_OF_ARCHIVE]))).next() ?? assert.fail();
const field = (block: Uint8Array, from: number, to: number) => Buffer.from(block.subarray(from, to)).toString("latin1");
const blocks = (name: string, more: Partial<GoEntry> = {}) =>
  goHeader({ name: byteStringOf(name), type: "file", mode: 0o100644, ...more });

describe("headers as Go writes them", () => {
  it("split a long name at the last slash that leaves a name that fits", () => {
    const name = `${"directory/".repeat(12)}file`;
    const block = blocks(name);
    assert.equal(block.length, 512);
    assert.equal(field(block, 0, 5), "file\0");
    assert.equal(field(block, 345, 345 + 119), "directory/".repeat(12).slice(0, -1));
  });

  it("have a PAX header, named after the directory, where a name cannot be split", () => {
    const block = blocks(`a/${"n".repeat(101)}`);
    assert.equal(block.length, 3 * 512);
    assert.ok(field(block, 0, 100).startsWith("a/PaxHeaders.0/nnn"));
    assert.equal(field(block, 329, 345), "\0".repeat(16), "no device numbers in it");
    assert.ok(field(block, 512, 1024).startsWith(`113 path=a/${"n".repeat(101)}\n`));
  });

  it("write a long name whole where something else needs a PAX header", () => {
    const name = `${"directory/".repeat(12)}file`;
    const block = blocks(name, { uid: 3_000_000 });
    assert.equal(block.length, 3 * 512);
    assert.ok(field(block, 512, 1024).includes(`path=${name}\n`));
    assert.equal(field(block, 1024 + 345, 1024 + 500), "\0".repeat(155));
    assert.equal(field(block, 1024, 1124), name.slice(0, 100).replace(/\/+$/, "").padEnd(100, "\0"));
  });

  it("leave out of a name what is no ASCII, and have it in the PAX header", () => {
    const block = blocks("\u00e9");
    assert.equal(field(block, 0, 13), "PaxHeaders.0\0");
    assert.equal(field(block, 1024, 1025), "\0");
    assert.equal(read({ name: byteStringOf("\u00e9"), type: "file", mode: 0 }).name, byteStringOf("\u00e9"));
  });

  it("name the owners", () => {
    const block = blocks("x", { userName: byteStringOf("games"), groupName: byteStringOf("disk") });
    assert.deepEqual([field(block, 265, 271), field(block, 297, 302)], ["games\0", "disk\0"]);
  });

  it("say what they were given", () => {
    const text = fc.string({
      unit: fc.constantFrom("a", "b/c", "\u00ff", ".x", "long-long-long-long"),
      minLength: 1,
      maxLength: 20,
    });
    const entry = fc.record({
      name: text.map((value) => `n${value}` as ByteString),
      linkName: text.map((value) => value as ByteString),
      mode: fc.nat(0o177777),
      uid: fc.nat(2 ** 32 - 1),
      gid: fc.nat(2 ** 32 - 1),
      sec: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
      value: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    });
    fc.assert(
      fc.property(entry, ({ sec, value, ...given }) => {
        const xattrs = new Map([[byteStringOf("security.capability"), value]]);
        const found = read({ ...given, type: "symlink", mtime: { sec, nsec: 0 }, xattrs });
        const { name, linkName, mode, uid, gid, mtime } = found;
        assert.deepEqual({ name, linkName, mode, uid, gid, mtime }, { ...given, mtime: { sec, nsec: 0 } });
        assert.deepEqual(new Uint8Array(found.xattrs.get(byteStringOf("security.capability")) ?? []), value);
      }),
    );
  });
});
