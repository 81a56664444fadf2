import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OvlError } from "../../src/errors.js";
import { SplitReader } from "../../src/tar-split/disassemble.js";
import { sourceOf } from "../support/sources.js";
import * as b from "../support/tar-builder.js";
import { newCrc64, putTogether, shapeOf, takeApart } from "./support.js";

const shape = (bytes: Uint8Array) => shapeOf(takeApart(bytes).entries);
const reasons = (bytes: Uint8Array) =>
  takeApart(bytes).summary.irreproducible.map(({ name, reason }) => `${name}: ${reason}`);

describe("SplitReader", () => {
  it("writes headers and padding as segments and every entry as a file", () => {
    const bytes = b.layer(b.dir("d/"), b.file("d/a", "hello"), b.file("empty"), b.symlink("l", "d"));
    assert.deepEqual(shape(bytes), [
      "raw 512",
      "file d/ 0 -",
      "raw 512",
      "file d/a 5 PD7u4tgQAAA=",
      "raw 1019",
      "file empty 0 -",
      "raw 512",
      "file l 0 -",
      "raw 1024",
      "raw 0",
    ]);
  });

  it("has the checksums of the reference values", () => {
    const bytes = b.layer(b.file("a", "123456789"), b.file("b", "1"));
    assert.deepEqual(
      shape(bytes).filter((line) => line.startsWith("file")),
      ["file a 9 uQlWx3WkEAE=", "file b 1 QyAAAAAAAAA="],
    );
  });

  it("keeps extension headers in one segment with the header", () => {
    const long = "n".repeat(200);
    assert.deepEqual(
      shape(b.layer(b.file("a", "", { xattrs: { "user.a": "1" } }), b.file(long, "", { gnuLong: true }))),
      [`raw ${3 * 512}`, "file a 0 -", `raw ${3 * 512}`, `file ${long} 0 -`, "raw 1024", "raw 0"],
    );
  });

  it("counts a PAX global header as an entry", () => {
    const { entries, summary } = takeApart(b.layer(b.paxGlobal({ comment: "x" }), b.file("a")));
    assert.equal(summary.entries, 2);
    assert.deepEqual(shapeOf(entries).slice(0, 4), ["raw 525", "file pax_global_header 0 -", "raw 1011", "file a 0 -"]);
  });

  it("writes an empty archive as docker does", () => {
    assert.deepEqual(shape(Buffer.alloc(0)), ["raw 0"]);
    assert.deepEqual(shape(Buffer.alloc(512)), ["raw 512", "raw 0"]);
    assert.deepEqual(shape(Buffer.alloc(10240)), ["raw 1024", "raw 9216", "raw 0"]);
  });

  it("writes what follows the archive in segments of 1 MiB", () => {
    const bytes = b.layer(b.file("a"), Buffer.alloc(3 << 20));
    const expected = ["raw 512", "file a 0 -", "raw 1024", "raw 1048576", "raw 1048576", "raw 1048576", "raw 0"];
    assert.deepEqual(shape(b.tar(b.file("a"), b.END, Buffer.alloc(3 << 20))), expected);
    assert.deepEqual(shapeOf(takeApart(bytes, 30720, 4096).entries).length, expected.length);
  });

  it("gives the same entries however the stream is cut and however much of the contents is read", () => {
    const bytes = b.tar(
      b.file("a", "x".repeat(3000)),
      b.paxGlobal({ a: "b" }),
      b.file("b", "yy"),
      b.END,
      Buffer.from("tail"),
    );
    const whole = takeApart(bytes);
    for (const sizes of [[1], [511], [512], [1000, 24]]) assert.deepEqual(takeApart(bytes, ...sizes), whole);
    const unread: string[] = [];
    const split = new SplitReader(sourceOf(bytes, 700), { add: (entry) => unread.push(...shapeOf([entry])) }, newCrc64);
    split.next();
    split.payload().read();
    split.finish();
    assert.deepEqual(unread, shapeOf(whole.entries));
  });

  it("bounds a segment, however many extension headers follow each other", () => {
    const meta = b.paxHeader({ comment: "c".repeat(1_000_000) });
    const bytes = b.layer(...Array.from({ length: 20 }, () => meta), b.file("a", "x"));
    const { entries, files } = takeApart(bytes, 65536);
    assert.ok(entries.every((entry) => entry.type === "file" || entry.payload.length <= 8 << 20));
    assert.deepEqual(putTogether(entries, files), bytes);
  });

  it("refuses more entries than it may keep the names of", () => {
    const bytes = b.layer(b.file("a"), b.file("b"), b.file("c"));
    const read = (max: number) => new SplitReader(sourceOf(bytes), { add() {} }, newCrc64, max).finish();
    assert.equal(read(3).entries, 3);
    assert.throws(() => read(2), { code: "BAD_TAR", message: /more than 2 entries/ });
  });

  it("passes the tar reader's errors on", () => {
    assert.throws(
      () => takeApart(b.file("a", "hello").subarray(0, 514)),
      (error) => error instanceof OvlError && error.code === "BAD_TAR",
    );
  });

  describe("refuses a path that comes twice", () => {
    const refuses = (...pieces: Uint8Array[]) =>
      assert.throws(
        () => takeApart(b.layer(...pieces)),
        (error) => error instanceof OvlError && error.code === "DUPLICATE_PATH",
      );
    for (const [first, second] of [
      ["a", "a"],
      ["a", "./a"],
      ["a", "b/../a"],
      ["a/b", "a//b"],
      ["a", "a/."],
      [".", ""],
      ["/a", "//a"],
      ["/a", "/../a"],
    ] as const) {
      it(`"${first}" and "${second}"`, () => refuses(b.file(first), b.file(second)));
    }
    it("of any type and size", () => {
      refuses(b.dir("d/"), b.dir("d/"));
      refuses(b.dir("d/"), b.file("d"));
      refuses(b.file("f", "content"), b.symlink("f", "x"));
      refuses(b.paxGlobal({ a: "1" }), b.paxGlobal({ a: "2" }));
    });
    it("but not with and without a leading slash, nor a whiteout of it", () => {
      assert.equal(takeApart(b.layer(b.file("a"), b.file("/a"), b.whiteout("a"), b.file("../a"))).summary.entries, 4);
    });
  });

  describe("names what could never be given back", () => {
    it("sparse files", () => {
      const pax = { "GNU.sparse.size": "9", "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,1" };
      assert.deepEqual(reasons(b.layer(b.file("s", "x", { pax }))), ["s: sparse"]);
    });
    it("links, directories and devices with a size", () => {
      const bytes = b.layer(
        b.symlink("s", "x", { size: 1 }),
        b.hardlink("h", "x", { size: 1 }),
        b.dir("d/", { size: -1 }),
        b.char("c", 1, 2, { size: 9 }),
      );
      assert.deepEqual(reasons(bytes), ["s: sized-link", "h: sized-link", "d/: sized-link", "c: sized-link"]);
    });
    it("whiteouts with content", () => {
      const bytes = b.layer(b.file("d/.wh.a", "x"), b.file("d/.wh..wh..opq", "x"), b.file(".wh..wh.plnk/1", "x"));
      assert.deepEqual(reasons(bytes), ["d/.wh.a: whiteout-payload", "d/.wh..wh..opq: whiteout-payload"]);
    });
    it("content under the name of the root, and outside of it", () => {
      const bytes = b.layer(b.file("./", "x"), b.file("../a", "x"), b.file("/../b", "x"), b.file("a/../../c"));
      assert.deepEqual(reasons(bytes), ["./: root-name", "../a: path-escape"]);
    });
    it("a last padding that is cut, but not one that is absent", () => {
      assert.deepEqual(reasons(b.file("a", "x", { padding: Buffer.alloc(100) })), ["a: cut-padding"]);
      assert.deepEqual(reasons(b.file("a", "x", { padding: Buffer.alloc(0) })), []);
    });
    it("and nothing of an ordinary layer", () => {
      const bytes = b.layer(b.dir("./"), b.file("/a", "x"), b.whiteout("b"), b.file("c", "", { pax: { path: "d" } }));
      assert.deepEqual(reasons(bytes), []);
    });
    it("up to a hundred times", () => {
      const many = Array.from({ length: 150 }, (_, i) => b.dir(`d${i}/`, { size: 1 }));
      assert.equal(reasons(b.layer(...many)).length, 100);
    });
  });
});
