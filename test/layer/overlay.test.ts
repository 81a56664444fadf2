import assert from "node:assert/strict";
import { linkSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { ApplyOptions } from "../../src/layer/apply.js";
import { applied, applyTo, dir, file, hardlink, type Item, item, sketch, symlink } from "../support/layer-entries.js";
import { oracle } from "../support/oracles.js";
import { scratch } from "../support/tmp.js";
import { readTree } from "../support/tree.js";

const OVERLAY: ApplyOptions = { driver: "overlay" };
const FILE = "file 0644 0:0";
const DIR = "dir 0755 0:0";
const result = (...items: Item[]) => sketch(applied(items, OVERLAY).tree);
const refuses = (message: RegExp, ...items: Item[]) =>
  assert.throws(() => applied(items, OVERLAY), { code: "BAD_TAR", message });

describe("layers of the legacy overlay driver", { skip: oracle("root", "getfattr") }, () => {
  it("lose what a whiteout names, with everything below; nothing is left of the whiteout", () => {
    const kept = { d: DIR, "d/b": FILE };
    assert.deepEqual(result(dir("d/"), file("d/a"), file("d/b"), file("d/.wh.a"), file("d/.wh.a")), kept);
    assert.deepEqual(result(dir("d/"), file("d/b"), file("e/f/g"), file(".wh.e"), file(".wh.missing")), kept);
    assert.deepEqual(result(symlink("s", "missing"), file("s/.wh.x")), { s: "symlink 0777 0:0 -> missing" });
  });

  it("lose below an opaque mark what they have not written themselves", () => {
    using place = scratch("opaque");
    mkdirSync(place.join("d/old/deep"), { recursive: true });
    mkdirSync(place.join("d/kept/old"), { recursive: true });
    applyTo(
      place.path,
      [file("d/new", "x"), dir("d/kept"), file("d/kept/new"), file("d/implied/x"), file("d/.wh..wh..opq")],
      OVERLAY,
    );
    assert.deepEqual([...readTree(place.path).keys()].sort(), [".", "d", "d/kept", "d/kept/new", "d/new"]);
  });

  it("lose the directory of a whiteout without a name, or the one above for ..", () => {
    assert.deepEqual(result(dir("d/"), file("d/e/.wh.")), { d: DIR });
    assert.deepEqual(result(dir("d/"), file("d/e/.wh..")), { d: DIR });
    assert.deepEqual(result(file("d/a"), file("d/sub/.wh...")), {});
    for (const name of [".wh.", ".wh..", ".wh...", "d/.wh..."]) refuses(/EBUSY/, file(name));
  });

  it("imply directories of mode 0600, which keep the group of the directory above", () => {
    assert.deepEqual(result(dir("g/", { mode: 0o2775, gid: 50 }), file("g/i/f"), file("i/.wh.x")), {
      g: "dir 2775 0:50",
      "g/i": "dir 2600 0:50",
      "g/i/f": FILE,
      i: "dir 0600 0:0",
    });
  });

  it("take mode and owner of the root from its entry, though not its time", () => {
    for (const name of ["./", "..", "/"]) {
      const { tree, from, to } = applied([dir(name, { mode: 0o700, uid: 5, mtime: 7 })], OVERLAY);
      const { mode, owner, mtimeNs } = tree.get(".") ?? assert.fail();
      assert.deepEqual([mode, owner], ["0700", "5:0"]);
      assert.ok(mtimeNs >= from && mtimeNs <= to);
    }
  });

  it("keep the time of the root's entry after an opaque mark on the root, but no source of aufs links", () => {
    const opaque = file(".wh..wh..opq");
    const source = file(".wh..wh.plnk/1", "x");
    assert.equal(applied([opaque, dir("./", { mtime: 7 })], OVERLAY).tree.get(".")?.mtimeNs, 7_000_000_000n);
    refuses(/opaque mark/, opaque, source);
    refuses(/invalid aufs hardlink/, source, opaque, hardlink("a", ".wh..wh.plnk/1"));
  });

  it("have no aufs metadata but a directory of link sources; links to those are files of their own", () => {
    const { tree } = applied(
      [
        file(".wh..wh.aufs"),
        dir(".wh..wh.plnk/"),
        file(".wh..wh.plnk/1.2", "content", { mode: 0o600, uid: 5, mtime: 9 }),
        hardlink("a", ".wh..wh.plnk/1.2"),
        hardlink("b", "./.wh..wh.plnk/1.2", { mode: 0o777 }),
      ],
      OVERLAY,
    );
    assert.deepEqual(sketch(tree), { ".wh..wh.plnk": "dir 0600 0:0", a: "file 0600 5:0", b: "file 0600 5:0" });
    assert.deepEqual([tree.get("a")?.size, tree.get("a")?.hardLinks], [7n, null]);
    refuses(/invalid aufs hardlink/, hardlink("a", ".wh..wh.plnk/none"));
  });

  it("take a deeper .wh..wh.x for a whiteout of .wh.x", () => {
    assert.deepEqual(result(file("d/.wh.x/y"), file("d/.wh..wh.x"), dir("d/")), { d: DIR });
  });

  it("count in their size what headers say, of whiteouts and links too", () => {
    const items = [file("a", "12345"), file(".wh.b", "123"), hardlink("c", "a", { size: 5 }), symlink("s", "target")];
    assert.equal(applied(items, OVERLAY).summary.size, 13);
  });

  it("lose what a PAX global header is called", () => {
    assert.deepEqual(
      result(file("g"), file("f"), item("global", "./g"), item("global", "tmp/g"), item("global", "f/g")),
      {
        f: FILE,
        tmp: "dir 0600 0:0",
      },
    );
  });

  it("leave alone the parent's files that they share, whatever a hard link's entry says", () => {
    using place = scratch("shared");
    const [parent, child] = [place.dir("parent"), place.dir("child")];
    applyTo(parent, [file("a", "content", { uid: 3, mtime: 5, xattrs: { "user.k": "v" } })], OVERLAY);
    linkSync(place.join("parent/a"), place.join("child/a"));
    const sketchBefore = [readTree(parent).get("a")?.mtimeNs, sketch(readTree(parent))];
    applyTo(
      child,
      [
        hardlink("l", "a", { mode: 0o4777, uid: 5, gid: 6, mtime: 7, xattrs: { "user.leak": "1" } }),
        hardlink("m", "l", { mode: 0o4777, uid: 5, gid: 6, mtime: 7 }),
        file("own", "x"),
        hardlink("own2", "own"),
      ],
      OVERLAY,
    );
    assert.deepEqual([readTree(parent).get("a")?.mtimeNs, sketch(readTree(parent))], sketchBefore);
    const tree = readTree(child);
    assert.equal(sketch(tree)["l"], "file 4777 5:6 user.k=0x76 user.leak=0x31");
    assert.deepEqual(tree.get("a")?.hardLinks, ["a", "l", "m"]);
    assert.deepEqual(tree.get("own")?.hardLinks, ["own", "own2"]);
    assert.equal(readFileSync(place.join("child/m"), "utf8"), "content");
    assert.deepEqual(readdirSync(child).sort(), ["a", "l", "m", "own", "own2"]);
  });

  it("refuse what no driver takes", () => {
    refuses(/unhandled tar header type 83/, item("unknown", "x", { typeFlag: 83 }));
    refuses(/ENOTDIR/, file("f"), file("f/x"));
    refuses(/EBUSY/, file("."));
  });
});
