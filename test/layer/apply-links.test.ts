import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { applied, dir, file, hardlink, type Item, sketch, symlink } from "../support/layer-entries.js";
import { oracle } from "../support/oracles.js";

const FILE = "file 0644 0:0";
const refuses = (message: RegExp, ...items: Item[]) =>
  assert.throws(() => applied(items), { code: "BAD_TAR", message });

describe("hard links", { skip: oracle("root", "getfattr") }, () => {
  it("give the object further names, counted once", () => {
    const { tree, summary } = applied([file("d/a", "12345"), hardlink("b", "d/a"), hardlink("d/c", "./b")]);
    assert.deepEqual(tree.get("b")?.hardLinks, ["b", "d/a", "d/c"]);
    assert.equal(summary.size, 5);
  });

  it("apply their own owner, mode, times and attributes to the object: the last entry wins", () => {
    const { tree } = applied([
      file("a", "x", { mode: 0o600, uid: 1, xattrs: { "user.k": "old", "user.a": "1" } }),
      hardlink("b", "a", { mode: 0o4755, uid: 2, gid: 3, mtime: { sec: 50, nsec: 7 }, xattrs: { "user.k": "new" } }),
    ]);
    const attributes = "file 4755 2:3 user.a=0x31 user.k=0x6e6577";
    assert.deepEqual(sketch(tree), { a: attributes, b: attributes });
    assert.equal(tree.get("a")?.mtimeNs, 50_000_000_007n);
  });

  it("find their target as if the layer were /, with directories' symlinks followed", () => {
    for (const link of ["d/a", "/d/a", "./d/a", "../d/a", "d//a", "x/../d/a", "s/a", "/s/a", "../../s/a", "abs/a"]) {
      const { tree } = applied([file("d/a"), symlink("s", "d"), symlink("abs", "/d"), hardlink("b", link)]);
      assert.deepEqual(tree.get("b")?.hardLinks, ["b", "d/a"], link);
    }
  });

  it("whose text does not lead to the object get neither mode nor times of the entry", () => {
    const reached = applied([file("d/a"), hardlink("b", "d/../d/a", { mode: 0o600, mtime: 9 })]).tree.get("b");
    assert.deepEqual([reached?.mode, reached?.mtimeNs], ["0600", 9_000_000_000n]);
    for (const link of ["missing/../d/a", "d/a/", "d/a/."]) {
      const { tree } = applied([file("d/a"), hardlink("b", link, { mode: 0o600, uid: 4, mtime: 9 })]);
      const { mode, owner, mtimeNs, hardLinks } = tree.get("b") ?? assert.fail();
      assert.deepEqual(
        [mode, owner, mtimeNs, hardLinks],
        ["0644", "4:0", 1_000_000_000_000_000_000n, ["b", "d/a"]],
        link,
      );
    }
  });

  it("to a symlink are names of the symlink itself and keep its time", () => {
    const { tree } = applied([
      file("f"),
      symlink("s", "f", { mtime: 5 }),
      hardlink("t", "s", { uid: 7, mode: 0o600, mtime: 9 }),
    ]);
    assert.deepEqual(sketch(tree), { f: FILE, s: "symlink 0777 7:0 -> f", t: "symlink 0777 7:0 -> f" });
    assert.equal(tree.get("t")?.mtimeNs, 5_000_000_000n);
    assert.deepEqual(tree.get("t")?.hardLinks, ["s", "t"]);
  });

  it("replace what has their name", () => {
    const { tree, summary } = applied([file("a", "12"), file("b", "12345"), hardlink("/b", "a")]);
    assert.deepEqual(tree.get("b")?.hardLinks, ["a", "b"]);
    assert.equal(summary.size, 2);
  });

  it("to what is not in this layer, or comes later, or to themselves, are refused", () => {
    refuses(/hard link to "lower".*ENOENT/, hardlink("b", "lower"));
    refuses(/hard link to "missing\/a".*ENOENT/, hardlink("b", "missing/a"));
    refuses(/ENOENT/, hardlink("b", "a"), file("a"));
    refuses(/ENOENT/, hardlink("b", "b"));
    refuses(/ENOENT/, file("b"), hardlink("/b", "b"));
    refuses(/ENOTDIR/, file("f"), hardlink("b", "f/a"));
  });

  it("to directories, the root too, are refused", () => {
    refuses(/EPERM/, dir("d/"), hardlink("b", "d"));
    refuses(/EPERM|EBUSY|EXDEV/, hardlink("b", "/"));
    refuses(/EPERM|EBUSY|EXDEV/, hardlink("b", ""));
  });

  it("to absolute names are the layer's own, also under strict", () => {
    for (const link of ["/a", "//a", "/d/../a"]) {
      const { tree, summary } = applied([file("a"), dir("d"), hardlink("b", link)], { strict: true });
      assert.deepEqual(tree.get("b")?.hardLinks, ["a", "b"], link);
      assert.deepEqual(summary.warnings, [], link);
    }
  });

  it("through `..` above the root are contained, with a warning; under strict they are refused", () => {
    for (const link of ["../a", "x/../../a", "/../a"]) {
      const items = [file("a"), hardlink("b", link)];
      const { summary } = applied(items);
      assert.deepEqual(
        summary.warnings.map(({ code, name }) => [code, name]),
        [["PATH_ESCAPE", "b"]],
      );
      assert.throws(() => applied(items, { strict: true }), { code: "PATH_ESCAPE" });
    }
  });
});

describe("symlinks", { skip: oracle("root", "getfattr") }, () => {
  it("keep their target verbatim, and count by its length", () => {
    const targets = ["/etc/../x", "a//b/", "../../../..", "caf\xe9 \n", "/proc/self/exe"];
    const { tree, summary } = applied(targets.map((target, i) => symlink(`s${i}`, target)));
    assert.deepEqual(
      targets.map((_, i) => tree.get(`s${i}`)?.content),
      targets,
    );
    assert.equal(summary.size, targets.join("").length);
    assert.deepEqual(summary.warnings, []);
  });

  it("have owner and times of their own, those before 1970 too", () => {
    const { tree } = applied([
      file("f", "", { mtime: 1 }),
      symlink("s", "f", { uid: 5, gid: 6, mtime: { sec: 9, nsec: 123456789 } }),
      symlink("old", "f", { mtime: { sec: -2, nsec: 500000000 } }),
    ]);
    assert.deepEqual(sketch(tree), {
      f: FILE,
      s: "symlink 0777 5:6 -> f",
      old: "symlink 0777 0:0 -> f",
    });
    assert.equal(tree.get("s")?.mtimeNs, 9_123_456_789n);
    assert.equal(tree.get("old")?.mtimeNs, -1_500_000_000n);
    assert.equal(tree.get("f")?.mtimeNs, 1_000_000_000n);
  });

  it("with an empty target, or one of a page, are refused", () => {
    refuses(/ENOENT/, symlink("s", ""));
    refuses(/ENAMETOOLONG/, symlink("s", "x".repeat(4096)));
  });
});
