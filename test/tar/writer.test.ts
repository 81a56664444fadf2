import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Header } from "tar/header";
import { OvlError } from "../../src/errors.js";
import type { ByteString } from "../../src/model/bytes.js";
import { TarReader } from "../../src/tar/reader.js";
import { END_OF_ARCHIVE, encodeHeader, type NewEntry, padding } from "../../src/tar/writer.js";
import { sourceOf } from "../support/sources.js";

const named = (name: string, rest: Partial<NewEntry> = {}): NewEntry => ({
  name: name as ByteString,
  type: "file",
  mode: 0o644,
  ...rest,
});

const time = (sec: number, nsec: number) => ({ sec, nsec });

/** What an entry is after it was written and read. */
function reread(entry: NewEntry) {
  const bytes = Buffer.concat([encodeHeader(entry), END_OF_ARCHIVE]);
  const tar = new TarReader(sourceOf(bytes));
  const read = tar.next();
  assert.ok(read !== null);
  return read;
}

describe("encodeHeader", () => {
  it("writes plain ustar where that says everything", () => {
    const bytes = encodeHeader(
      named("etc/passwd", { uid: 1, gid: 0o7777777, size: 0o77777777777, mtime: time(1_700_000_000, 0) }),
    );
    assert.equal(bytes.length, 512);
    const header = new Header(Buffer.from(bytes));
    assert.ok(header.cksumValid);
    assert.deepEqual(
      [header.path, header.uid, header.gid, header.size, header.mtime?.getTime(), header.type],
      ["etc/passwd", 1, 0o7777777, 0o77777777777, 1_700_000_000_000, "File"],
    );
  });

  it("splits a long name over the prefix field", () => {
    const name = `${"d".repeat(120)}/${"f".repeat(90)}`;
    assert.equal(encodeHeader(named(name)).length, 512);
    assert.equal(reread(named(name)).name, name);
  });

  it("puts in front of it what ustar cannot say, and only that", () => {
    for (const entry of [
      named("n".repeat(101)),
      named("caf\xe9"),
      named(`${"d/".repeat(80)}`, { type: "directory" }),
      named("a", { uid: 2 ** 21 }),
      named("a", { gid: -1 }),
      named("a", { size: 2 ** 33 }),
      named("a", { mtime: time(-1, 0) }),
      named("a", { mtime: time(1, 1) }),
      named("a", { atime: time(1, 0) }),
      named("a", { type: "symlink", linkName: "l".repeat(101) as ByteString }),
      named("a", { xattrs: new Map([["user.a" as ByteString, Buffer.from("\0\n=")]]) }),
    ]) {
      assert.equal(encodeHeader(entry).length, 512 + 512 + 512);
    }
  });

  it("gives the same bytes for the same entry, whatever the order of its xattrs", () => {
    const a = ["user.a" as ByteString, Buffer.from("1")] as const;
    const b = ["user.b" as ByteString, Buffer.from("2")] as const;
    assert.deepEqual(
      encodeHeader(named("x", { xattrs: new Map([a, b]) })),
      encodeHeader(named("x", { xattrs: new Map([b, a]) })),
    );
  });

  it("refuses device numbers that do not fit", () => {
    assert.throws(() => encodeHeader(named("a", { type: "char", devMajor: 2 ** 22 })), OvlError);
  });

  it("is read back as it was written", () => {
    const part = fc.stringMatching(/^[a-z. \x80-\xff]{1,60}$/);
    const name = fc
      .tuple(
        fc.constantFrom("", "./", "/", "../"),
        fc.array(part, { minLength: 1, maxLength: 6 }),
        fc.constantFrom("", "/"),
      )
      .map(([before, parts, after]) => (before + parts.join("/") + after) as ByteString);
    const id = fc.integer({ min: -(2 ** 33), max: 2 ** 33 });
    const when = fc.record(
      {
        sec: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
        nsec: fc.integer({ min: 0, max: 999_999_999 }),
      },
      { noNullPrototype: true },
    );
    const value = fc.uint8Array({ minLength: 1, maxLength: 700 });
    const entries = fc.record(
      {
        name,
        linkName: fc.oneof(fc.constant("" as ByteString), name),
        type: fc.constantFrom("file", "directory", "symlink", "hardlink", "char", "block", "fifo"),
        mode: fc.integer({ min: 0, max: 0o7777 }),
        uid: id,
        gid: id,
        mtime: when,
        atime: fc.option(when),
        devMajor: fc.integer({ min: 0, max: 4095 }),
        devMinor: fc.integer({ min: 0, max: 1_048_575 }),
        xattrs: fc.array(fc.tuple(fc.stringMatching(/^user\.[a-z]{1,9}$/), value)).map((list) => new Map(list)),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(entries, (generated) => {
        const entry = generated as unknown as NewEntry;
        const { typeFlag: _, size: __, sparse: ___, ...read } = reread(entry);
        const xattrs = new Map([...read.xattrs].sort().map(([key, bytes]) => [key, new Uint8Array(bytes)]));
        const expected = new Map([...(entry.xattrs ?? [])].sort());
        assert.deepEqual({ ...read, xattrs }, { ...entry, xattrs: expected });
      }),
      { numRuns: 300 },
    );
  });
});

describe("padding", () => {
  it("fills up to 512 bytes", () => {
    assert.deepEqual(
      [0, 1, 511, 512, 513, 2 ** 33 + 1].map((size) => padding(size).length),
      [0, 511, 1, 0, 511, 511],
    );
  });
});
