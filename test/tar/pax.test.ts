import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OvlError } from "../../src/errors.js";
import type { ByteString } from "../../src/model/bytes.js";
import type { TarEntry } from "../../src/tar/entry.js";
import { TarReader } from "../../src/tar/reader.js";
import { sourceOf } from "../support/sources.js";
import * as b from "../support/tar-builder.js";

function first(...pieces: Uint8Array[]): TarEntry {
  const tar = new TarReader(sourceOf(b.layer(...pieces)));
  const entry = tar.next();
  while (tar.next() !== null);
  assert.ok(entry !== null);
  return entry;
}

/** A PAX header whose body is written as it is. */
function rawPax(body: string): Buffer {
  return b.entry("x", "PaxHeaders.0/x", b.latin1(body));
}

function refuses(body: string): void {
  assert.throws(
    () => first(rawPax(body), b.file("a")),
    (error) => error instanceof OvlError && error.code === "BAD_TAR",
    JSON.stringify(body),
  );
}

const xattr = (entry: TarEntry, name: string) => entry.xattrs.get(name as ByteString);

describe("PAX headers", () => {
  it("override names, links, sizes, ids and times", () => {
    const records = { path: "p", linkpath: "l", uid: "4294967296", gid: "-5", mtime: "1.5", atime: "2" };
    const entry = first(b.symlink("s", "t", { pax: records }));
    const found = [entry.name, entry.linkName, entry.uid, entry.gid, entry.mtime, entry.atime];
    assert.deepEqual(found, ["p", "l", 2 ** 32, -5, { sec: 1, nsec: 500_000_000 }, { sec: 2, nsec: 0 }]);
    const sized = new TarReader(
      sourceOf(b.layer(b.paxHeader({ size: "512" }), b.file("a", "", { size: 0 }), Buffer.alloc(512))),
    );
    assert.equal(sized.next()?.size, 512);
    assert.equal(sized.next(), null);
  });

  it("keep the header's field where the value is empty", () => {
    const entry = first(b.file("a", "", { uid: 7, pax: { path: "", uid: "", mtime: "" }, xattrs: { "user.e": "" } }));
    assert.deepEqual([entry.name, entry.uid, entry.mtime.sec, entry.xattrs.size], ["a", 7, b.MTIME, 0]);
  });

  it("let the last record of a keyword count, also when it is empty", () => {
    assert.equal(first(rawPax("9 path=b\n9 path=c\n"), b.file("a")).name, "c");
    assert.equal(first(rawPax("9 path=b\n8 path=\n"), b.file("a")).name, "a");
  });

  it("replace an earlier header as a whole", () => {
    const entry = first(b.paxHeader({ path: "p", uid: "5" }), b.paxHeader({ gid: "6" }), b.file("a"));
    assert.deepEqual([entry.name, entry.uid, entry.gid], ["a", 0, 6]);
  });

  it("carry xattrs of any bytes", () => {
    const value = Buffer.from([0, 1, 0x0a, 0x3d, 0xff, 0]);
    const entry = first(b.file("a", "", { xattrs: { "user.bin": value, "security.capability": Buffer.alloc(20, 2) } }));
    assert.deepEqual(xattr(entry, "user.bin"), value);
    assert.deepEqual([...entry.xattrs.keys()], ["user.bin", "security.capability"]);
  });

  it("carry no other xattrs than SCHILY's", () => {
    assert.equal(
      first(b.file("a", "", { pax: { "LIBARCHIVE.xattr.user.a": "eA==", "SCHILY.acl.access": "u" } })).xattrs.size,
      0,
    );
  });

  it("give nanoseconds, cut after nine digits, with the sign for both parts", () => {
    const time = (text: string) => first(b.file("a", "", { pax: { mtime: text } })).mtime;
    for (const [text, sec, nsec] of [
      ["0", 0, 0],
      ["-0", 0, 0],
      ["+1", 1, 0],
      ["1.", 1, 0],
      ["1.1", 1, 100_000_000],
      ["1.123456789999", 1, 123_456_789],
      ["-1.5", -2, 500_000_000],
      ["-0.000000001", -1, 999_999_999],
      ["-1.0000000001", -1, 0],
      ["9999999999999", 9_999_999_999_999, 0],
    ] as const) {
      assert.deepEqual(time(text), { sec, nsec }, text);
    }
  });

  it("are refused when a number or a time is none", () => {
    for (const record of [
      "uid=x",
      "gid=1.5",
      "size=0x1",
      "mtime=.5",
      "mtime=1e5",
      "atime=1.x",
      "ctime= 1",
      "mtime=1_0",
    ]) {
      const length = record.length + 4;
      refuses(`${String(length - 1).padStart(2, "0")} ${record}\n`);
    }
    refuses("28 size=99999999999999999999\n");
  });

  it("are refused when malformed", () => {
    for (const body of [
      "x",
      "path",
      " path=x\n",
      "9 path=b",
      "9 path=bc",
      "11 path=b\n",
      "8 path=b\n",
      "99 path=b\n",
    ]) {
      refuses(body);
    }
    for (const body of [
      "7 path\n",
      "5 =b\n",
      "4 a\n",
      "000000000000005 a=b\n",
      "-9 path=b\n",
      "9  path=b\n".slice(0, 9),
    ]) {
      refuses(body);
    }
  });

  it("are refused with a NUL in a text that the header would end at, and in any keyword", () => {
    for (const key of ["path", "linkpath", "uname", "gname"]) {
      assert.throws(() => first(b.paxHeader({ [key]: "a\0b" }), b.file("a")), /NUL/);
    }
    assert.throws(() => first(b.paxHeader({ "SCHILY.xattr.a\0b": "v" }), b.file("a")), /NUL/);
    assert.equal(first(b.paxHeader({ comment: "a\0b" }), b.file("a")).name, "a");
  });

  it("may have 1 MiB and no more, as may GNU long names", () => {
    const value = "v".repeat(1 << 20);
    const fits = b.paxHeader({ comment: value.slice(0, (1 << 20) - 17) });
    assert.equal(fits.length, 512 + (1 << 20));
    assert.equal(first(fits, b.file("a")).name, "a");
    assert.throws(() => first(b.paxHeader({ comment: value }), b.file("a")), /more than the 1048576 allowed/);
    assert.throws(() => first(b.entry("L", "l", `${value}x`), b.file("a")), /more than the 1048576 allowed/);
  });

  it("that are global are entries of their own and change nothing else", () => {
    const tar = new TarReader(
      sourceOf(b.layer(b.paxGlobal({ uid: "7", mtime: "1", "SCHILY.xattr.user.a": "x" }), b.file("a"))),
    );
    const global = tar.next();
    assert.deepEqual([global?.type, global?.name, global?.size], ["global", "pax_global_header", 0]);
    const entry = tar.next();
    assert.deepEqual([entry?.name, entry?.uid, entry?.mtime.sec, entry?.xattrs.size], ["a", 0, b.MTIME, 0]);
  });

  it("that are global can name themselves, swallow what came before, and hold wrong values", () => {
    const bytes = b.layer(b.paxHeader({ path: "lost" }), b.paxGlobal({ path: "self", uid: "x" }), b.file("a"));
    const tar = new TarReader(sourceOf(bytes));
    assert.deepEqual([tar.next()?.name, tar.next()?.name], ["self", "a"]);
  });
});
