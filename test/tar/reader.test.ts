import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OvlError } from "../../src/errors.js";
import type { TarEntry } from "../../src/tar/entry.js";
import { TarReader } from "../../src/tar/reader.js";
import { readAll, sourceOf } from "../support/sources.js";
import * as b from "../support/tar-builder.js";

interface Read {
  readonly entry: TarEntry;
  readonly content: Buffer;
}

/** All entries with their content, through chunks of several sizes, which must not matter. */
function read(bytes: Uint8Array): Read[] {
  const ways = [[bytes.length], [1], [512], [100, 700]].map((sizes) => readOnce(bytes, sizes));
  for (const way of ways) assert.deepEqual(way, ways[0]);
  return ways[0] as Read[];
}

function readOnce(bytes: Uint8Array, sizes: number[]): Read[] {
  const tar = new TarReader(sourceOf(bytes, ...sizes));
  const found: Read[] = [];
  for (let entry = tar.next(); entry !== null; entry = tar.next()) {
    found.push({ entry, content: readAll(tar.payload()) });
  }
  assert.equal(tar.next(), null, "the end stays the end");
  return found;
}

function only(bytes: Uint8Array): TarEntry {
  const found = read(bytes);
  assert.equal(found.length, 1);
  return (found[0] as Read).entry;
}

function names(bytes: Uint8Array): string[] {
  return read(bytes).map(({ entry }) => entry.name);
}

/** BAD_TAR whose message says why, whichever way the bytes come. */
function refuses(bytes: Uint8Array, why: RegExp): void {
  for (const sizes of [[bytes.length], [1], [100, 700]]) {
    assert.throws(
      () => readOnce(bytes, sizes),
      (error) => error instanceof OvlError && error.code === "BAD_TAR" && why.test(error.message),
    );
  }
}

const ZERO_BLOCK = Buffer.alloc(512);

describe("TarReader", () => {
  describe("end of the stream", () => {
    const one = b.file("a", "x");
    it("takes nothing, zeros and any padding for an empty archive", () => {
      for (const size of [0, 512, 1024, 10240]) assert.deepEqual(names(Buffer.alloc(size)), []);
    });
    it("accepts an archive with a marker, half of it, or none", () => {
      for (const end of [b.END, ZERO_BLOCK, Buffer.alloc(0), Buffer.alloc(10240)]) {
        assert.deepEqual(names(b.tar(one, end)), ["a"]);
      }
    });
    it("ignores what follows the marker", () => {
      assert.deepEqual(names(b.tar(one, b.END, Buffer.from("garbage"))), ["a"]);
      assert.deepEqual(names(b.tar(one, b.END, b.layer(b.file("b")))), ["a"]);
    });
    it("refuses a zero block between entries", () => {
      refuses(b.tar(one, ZERO_BLOCK, one), /one zero block/);
    });
    it("refuses an archive that ends inside a header, a marker or content", () => {
      refuses(b.tar(one, ZERO_BLOCK, Buffer.alloc(100)), /unexpected end/);
      refuses(b.tar(one, b.file("b").subarray(0, 300)), /unexpected end/);
      refuses(b.tar(one, Buffer.from("junk")), /unexpected end/);
      refuses(b.file("a", "0123456789").subarray(0, 517), /unexpected end/);
      refuses(b.paxHeader({ path: "x" }).subarray(0, 515), /unexpected end/);
      refuses(b.file("a", "", { size: 2 ** 40 }), /unexpected end/);
    });
    it("accepts an archive that ends before or inside the padding of the last content, and says so", () => {
      for (const cut of [0, 1, 510]) {
        const bytes = b.file("a", "x", { padding: Buffer.alloc(cut) });
        assert.deepEqual(names(bytes), ["a"]);
        const tar = new TarReader(sourceOf(bytes));
        while (tar.next() !== null);
        assert.equal(tar.cutPadding, cut);
      }
    });
    it("accepts padding that is not zero", () => {
      const content = read(b.layer(b.file("a", "x", { padding: Buffer.alloc(511, 7) }), b.file("b", "y")));
      assert.deepEqual(
        content.map((each) => each.content.toString()),
        ["x", "y"],
      );
    });
    it("ignores extension headers without an entry", () => {
      assert.deepEqual(names(b.tar(one, b.paxHeader({ path: "x" }), b.END)), ["a"]);
    });
    it("drains what is left, from wherever it is", () => {
      const bytes = b.tar(one, b.END, Buffer.from("tail"));
      const tar = new TarReader(sourceOf(bytes, 7));
      while (tar.next() !== null);
      const tail: Buffer[] = [];
      tar.drain((part) => tail.push(Buffer.from(part)));
      assert.equal(Buffer.concat(tail).toString(), "tail");
    });
  });

  describe("names", () => {
    it("keeps bytes as they are: not UTF-8, control characters, newlines, backslashes", () => {
      for (const name of ["caf\xe9", "\x01\x1f\x7f", "a\nb", "a\\b", "\xff\xfe", "./a", "/a", "../a", "a//b"]) {
        assert.equal(only(b.layer(b.file(b.latin1(name)))).name, name);
      }
    });
    it("joins the ustar prefix and the name", () => {
      const name = `${"p".repeat(150)}/${"n".repeat(100)}`;
      assert.equal(only(b.layer(b.file(name, "", { prefix: "p".repeat(150) }))).name, name);
    });
    it("reads no prefix from a GNU header, where times are in its place", () => {
      const patch = (header: Buffer) => void header.write("00000000017\0", 345, "latin1");
      const entry = only(b.layer(b.file("a", "", { magic: "gnu", patch })));
      assert.deepEqual([entry.name, entry.atime], ["a", { sec: 15, nsec: 0 }]);
    });
    it("takes GNU times that are no numbers for the prefix that old Go wrote there, if it is ASCII", () => {
      const prefixed = (prefix: string) =>
        only(b.layer(b.file("a", "", { magic: "gnu", patch: (header) => void header.write(prefix, 345, "latin1") })))
          .name;
      assert.equal(prefixed("usr/lib"), "usr/lib/a");
      assert.equal(prefixed("usr/l\xefb"), "a");
    });
    it("reads GNU long names and links up to a NUL", () => {
      const long = "d/".repeat(150);
      const entry = only(b.layer(b.symlink(`${long}x`, `${long}y`, { gnuLong: true, magic: "gnu" })));
      assert.deepEqual([entry.name, entry.linkName], [`${long}x`, `${long}y`]);
      const cut = b.layer(b.entry("L", "././@LongLink", "abc\0def"), b.file("short"));
      assert.equal(only(cut).name, "abc");
    });
    it("lets the last of several long names count, and GNU before PAX", () => {
      const many = b.layer(b.entry("L", "l", "one\0"), b.entry("L", "l", "two\0"), b.file("short"));
      assert.equal(only(many).name, "two");
      for (const pieces of [
        [b.entry("L", "l", "gnu\0"), b.paxHeader({ path: "pax" })],
        [b.paxHeader({ path: "pax" }), b.entry("L", "l", "gnu\0")],
      ]) {
        assert.equal(only(b.layer(...pieces, b.file("short"))).name, "gnu");
      }
    });
    it("forgets extension headers once they are used", () => {
      const bytes = b.layer(
        b.entry("L", "l", "long\0"),
        b.file("a"),
        b.paxHeader({ path: "pax" }),
        b.file("b"),
        b.file("c"),
      );
      assert.deepEqual(names(bytes), ["long", "pax", "c"]);
    });
  });

  describe("types", () => {
    it("tells them by their flag", () => {
      const pieces = [
        b.file("f"),
        b.hardlink("h", "f"),
        b.symlink("s", "f"),
        b.char("c", 300, 70000),
        b.block("b", 8, 1),
        b.dir("d/"),
        b.fifo("p"),
      ];
      const found = read(b.layer(...pieces)).map(({ entry }) => entry.type);
      assert.deepEqual(found, ["file", "hardlink", "symlink", "char", "block", "directory", "fifo"]);
      const { devMajor, devMinor } = (read(b.layer(...pieces))[3] as Read).entry;
      assert.deepEqual([devMajor, devMinor], [300, 70000]);
    });
    it("makes a directory of a v7 file whose name ends with a slash, and of nothing else", () => {
      assert.equal(only(b.layer(b.entry(0, "d/", "", { magic: "v7" }))).type, "directory");
      assert.equal(only(b.layer(b.entry(0, "d", "", { magic: "v7" }))).type, "file");
      assert.equal(only(b.layer(b.file("d/"))).type, "file");
      assert.equal(only(b.layer(b.paxHeader({ path: "long/" }), b.entry(0, "d"))).type, "directory");
    });
    it("skips the size that a v7 directory claims, for it has no content", () => {
      assert.deepEqual(names(b.layer(b.entry(0, "d/", "", { size: 512 }), b.file("next"))), ["d/", "next"]);
    });
    it("hands on flags that docker does not know, with their content", () => {
      for (const flag of ["7", "s", "A", "M", "V", "D", "N", "I", "8", "9", "Z", " "]) {
        const [found] = read(b.layer(b.entry(flag, "u", "content")));
        assert.deepEqual([found?.entry.type, found?.entry.typeFlag], ["unknown", flag.charCodeAt(0)]);
        assert.equal(found?.content.toString(), "content");
      }
    });
    it("gives links, directories and devices no content, whatever size they claim", () => {
      for (const flag of ["1", "2", "3", "4", "5", "6"]) {
        const bytes = b.layer(b.entry(flag, "x", "", { size: 1000, link: "y" }), b.file("next", "z"));
        assert.deepEqual(
          read(bytes).map(({ entry, content }) => [entry.name, entry.size, content.length]),
          [
            ["x", 1000, 0],
            ["next", 1, 1],
          ],
        );
      }
    });
    it("keeps all bits of a mode", () => {
      assert.equal(only(b.layer(b.file("a", "", { mode: 0o107777 }))).mode, 0o107777);
    });
  });

  describe("numbers", () => {
    it("reads base-256 of either sign", () => {
      for (const value of [0, 1, 255, 2 ** 21, 2 ** 40, -1, -5, -(2 ** 33)]) {
        const entry = only(b.layer(b.file("a", "", { uid: value, gid: value, mtime: value, base256: true })));
        assert.deepEqual([entry.uid, entry.gid, entry.mtime.sec], [value, value, value]);
      }
    });
    it("reads sizes in base-256", () => {
      assert.equal(read(b.layer(b.file("a", "hello", { base256: true })))[0]?.content.toString(), "hello");
    });
    it("keeps the 32 bits of an id that a system call sees when it has more than 53", () => {
      const uid = 2n ** 54n + 4_000_000_001n;
      assert.equal(only(b.layer(b.file("a", "", { uid }))).uid % 2 ** 32, 4_000_000_001);
      assert.equal(only(b.layer(b.paxHeader({ uid: `${uid}` }), b.file("a"))).uid % 2 ** 32, 4_000_000_001);
    });
    it("takes digits between spaces and NULs, and an empty field for 0", () => {
      const uid = (text: string) =>
        only(b.layer(b.file("a", "", { patch: (header) => void header.write(text.padEnd(8, "\0"), 108, "latin1") })))
          .uid;
      assert.equal(uid(" \0 17 \0"), 15);
      assert.equal(uid("12345670"), 0o12345670);
      assert.equal(uid("\0\0"), 0);
      assert.equal(uid("17\x00zz"), 15);
    });
    it("refuses what is no number, negative sizes and 64-bit overflow", () => {
      const patched = (offset: number, bytes: string) =>
        b.layer(b.file("a", "", { patch: (header) => void header.write(bytes, offset, "latin1") }));
      refuses(patched(100, "0000x44\0"), /mode is no number/);
      refuses(patched(108, "-000017\0"), /uid is no number/);
      refuses(patched(124, "18 19"), /size is no number/);
      refuses(patched(124, "\x80\x01\0\0\0\0\0\0\0\0\0\0"), /size is no number/);
      refuses(b.layer(b.file("a", "", { size: -1 })), /negative size/);
      refuses(b.layer(b.paxHeader({ size: "-1" }), b.file("a")), /negative size/);
    });
    it("takes a negative size of a directory, as Go does", () => {
      assert.equal(only(b.layer(b.dir("d/", { size: -7 }))).size, -7);
    });
    it("reads STAR headers, whose prefix is shorter and has times behind it", () => {
      const patch = (header: Buffer) => {
        header.write("dir", 345, "latin1");
        header.write("00000000020\0", 476, "latin1");
        header.write("00000000021\0", 488, "latin1");
        header.write("tar\0", 508, "latin1");
      };
      const entry = only(b.layer(b.file("a", "", { patch })));
      assert.deepEqual([entry.name, entry.atime?.sec], ["dir/a", 16]);
    });
  });

  describe("checksums", () => {
    it("refuses a header with a flipped bit", () => {
      const bytes = b.layer(b.file("a"));
      bytes.writeUInt8(bytes.readUInt8(3) ^ 1, 3);
      refuses(bytes, /checksum/);
    });
    it("accepts the sum of signed bytes that old tars wrote", () => {
      const bytes = b.layer(b.file(b.latin1("caf\xe9")));
      const sum = Number.parseInt(bytes.toString("latin1", 148, 154), 8) - 256;
      bytes.write(sum.toString(8).padStart(6, "0"), 148, "latin1");
      assert.deepEqual(names(bytes), ["caf\xe9"]);
    });
    it("names the last entry and the offset of the header", () => {
      const bytes = b.tar(b.file("good", "x"), Buffer.alloc(512, 1));
      assert.throws(
        () => readOnce(bytes, [bytes.length]),
        (error) => error instanceof OvlError && error.fields["offset"] === 1024 && error.fields["entry"] === "good",
      );
    });
  });

  describe("raw bytes", () => {
    it("are all bytes but content, in order", () => {
      const bytes = b.layer(
        b.paxGlobal({ comment: "x" }),
        b.file("a", "content", { xattrs: { "user.a": "1" }, padding: Buffer.alloc(505, 3) }),
        b.dir("d/"),
        b.file(`${"n".repeat(150)}`, "more", { gnuLong: true, magic: "gnu" }),
      );
      for (const sizes of [[bytes.length], [1], [333]]) {
        const all: Buffer[] = [];
        const tar = new TarReader(sourceOf(bytes, ...sizes), (raw) => all.push(Buffer.from(raw)));
        while (tar.next() !== null) all.push(readAll(tar.payload()));
        assert.deepEqual(Buffer.concat(all), bytes);
      }
    });
  });
});
