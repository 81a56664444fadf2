import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { char, dir, file, hardlink, type Item, applied as inDir, sketch, symlink } from "../support/layer-entries.js";
import { oracle } from "../support/oracles.js";

const OPAQUE = "trusted.overlay.opaque=0x79";
const result = (...items: Item[]) => sketch(inDir(items).tree);
const refuses = (message: RegExp, ...items: Item[]) => assert.throws(() => inDir(items), { code: "BAD_TAR", message });

describe("whiteouts of overlay2", { skip: oracle("root", "getfattr") }, () => {
  it("become character devices 0:0 of mode 000 with the entry's owner", () => {
    const { tree, summary, from, to } = inDir([dir("d/"), file("d/.wh.a", "", { uid: 5, gid: 6, mode: 0o644 })]);
    assert.deepEqual(sketch(tree), { d: "dir 0755 0:0", "d/a": "char 0000 5:6 0:0" });
    const { mtimeNs } = tree.get("d/a") ?? assert.fail();
    assert.ok(mtimeNs >= from && mtimeNs <= to, "made now, not when the header says");
    assert.deepEqual(summary, { size: 0, files: 2, warnings: [], disturbed: false });
  });

  it("are made of any type of entry, unknown ones too, and their payload is nothing", () => {
    assert.deepEqual(
      result(file(".wh.a", "payload"), dir(".wh.b/"), {
        ...file(".wh.c"),
        entry: { ...file(".wh.c").entry, type: "unknown" },
      }),
      { a: "char 0000 0:0 0:0", b: "char 0000 0:0 0:0", c: "char 0000 0:0 0:0" },
    );
  });

  it("of nested names imply their directories", () => {
    assert.deepEqual(result(file("f/g/.wh.x")), {
      f: "dir 0755 0:0",
      "f/g": "dir 0755 0:0",
      "f/g/x": "char 0000 0:0 0:0",
    });
  });

  it("mark a directory opaque, before or after its entry, and leave its other entries", () => {
    for (const items of [
      [dir("d/", { mode: 0o700 }), file("d/a"), file("d/.wh..wh..opq")],
      [file("d/.wh..wh..opq"), dir("d/", { mode: 0o700 }), file("d/a")],
    ]) {
      assert.deepEqual(result(...items), { d: `dir 0700 0:0 ${OPAQUE}`, "d/a": "file 0644 0:0" });
    }
  });

  it("mark a directory opaque that only they imply", () => {
    assert.deepEqual(result(file("d/.wh..wh..opq")), { d: `dir 0755 0:0 ${OPAQUE}` });
  });

  it("mark even a file opaque that stands in a directory's place, through symlinks too", () => {
    assert.deepEqual(result(file("f"), symlink("s", "g"), file("g"), file("f/.wh..wh..opq"), file("s/.wh..wh..opq")), {
      f: `file 0644 0:0 ${OPAQUE}`,
      g: `file 0644 0:0 ${OPAQUE}`,
      s: "symlink 0777 0:0 -> g",
    });
    refuses(/ENOENT|EEXIST/, symlink("s", "missing"), file("s/.wh..wh..opq"));
    refuses(/ENOTDIR/, file("f"), file("f/d/.wh..wh..opq"));
    refuses(/ENOTDIR/, file("f"), file("f/.wh.x"));
  });

  it("mark the layer's root opaque", () => {
    const { tree } = inDir([file(".wh..wh..opq")]);
    assert.deepEqual([...(tree.get(".")?.xattrs ?? [])], [["trusted.overlay.opaque", "0x79"]]);
  });

  it("are replaced by a later object of the same name", () => {
    assert.deepEqual(result(file(".wh.a"), file("a", "new")), { a: "file 0644 0:0" });
    assert.deepEqual(result(file(".wh.d"), dir("d/"), file("d/new")), { d: "dir 0755 0:0", "d/new": "file 0644 0:0" });
  });

  it("of something in the same layer are refused", () => {
    refuses(/whiteout of "a".*EEXIST/, file("a"), file(".wh.a"));
    refuses(/whiteout of "f".*EEXIST/, file(".wh.f"), file("/.wh.f"));
  });

  it("without a name, or of `.` and `..`, are refused", () => {
    for (const name of [".wh.", "d/.wh.", ".wh..", "d/.wh..", ".wh...", "d/.wh..."]) {
      refuses(/whiteout of "\.*"/, dir("d/"), file(name));
    }
  });

  it("of aufs are no exception: .wh..wh.plnk and .wh..wh.aufs hide .wh.plnk and .wh.aufs", () => {
    assert.deepEqual(result(dir(".wh..wh.plnk/"), file(".wh..wh.aufs")), {
      ".wh.plnk": "char 0000 0:0 0:0",
      ".wh.aufs": "char 0000 0:0 0:0",
    });
  });

  it("of aufs are plain directories where files lie below them, and hard links to those work", () => {
    const { tree, summary } = inDir([file(".wh..wh.plnk/1.2", "abc"), hardlink("a", ".wh..wh.plnk/1.2")]);
    assert.deepEqual(tree.get("a")?.hardLinks, [".wh..wh.plnk/1.2", "a"]);
    assert.equal(tree.get(".wh..wh.plnk")?.type, "dir");
    assert.equal(summary.size, 3);
  });

  it("remove a namesake: what is really called .wh.x, unless both are directories", () => {
    assert.deepEqual(result(file(".wh.d/x"), file(".wh.d")), { d: "char 0000 0:0 0:0" });
    assert.deepEqual(result(file(".wh.d/x"), dir(".wh.d/")), {
      ".wh.d": "dir 0755 0:0",
      ".wh.d/x": "file 0644 0:0",
      d: "char 0000 0:0 0:0",
    });
    assert.deepEqual(result(file(".wh..wh.f"), file(".wh.f")), { f: "char 0000 0:0 0:0" });
  });

  it("can have names of 255 bytes, though the entry's is longer", () => {
    const long = "n".repeat(255);
    assert.deepEqual(result(file(`.wh.${long}`)), { [long]: "char 0000 0:0 0:0" });
  });

  it("can be entries of their own kind: a character device 0:0 keeps its mode and time", () => {
    const { tree } = inDir([char("f", 0, 0, { mode: 0o600, mtime: 7 })]);
    assert.deepEqual(sketch(tree), { f: "char 0600 0:0 0:0" });
    assert.equal(tree.get("f")?.mtimeNs, 7_000_000_000n);
  });

  it("are devices that hard links can be made to", () => {
    assert.deepEqual(result(file(".wh.a"), hardlink("b", "a", { mode: 0 })), {
      a: "char 0000 0:0 0:0",
      b: "char 0000 0:0 0:0",
    });
  });
});
