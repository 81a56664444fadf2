import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  applied,
  applyTo,
  block,
  char,
  dir,
  fifo,
  file,
  type Item,
  item,
  sketch,
  symlink,
} from "../support/layer-entries.js";
import { oracle } from "../support/oracles.js";
import { scratch } from "../support/tmp.js";

const FILE = "file 0644 0:0";
const DIR = "dir 0755 0:0";
const result = (...items: Item[]) => sketch(applied(items).tree);
const refuses = (message: RegExp, ...items: Item[]) =>
  assert.throws(() => applied(items), { code: "BAD_TAR", message });

describe("names of entries", { skip: oracle("root", "getfattr") }, () => {
  it("that clean to `.` are passed over, whatever their type", () => {
    for (const name of ["./", ".", "", "a/..", "a/../"]) {
      const { tree, summary } = applied([dir(name, { mode: 0o700, uid: 5, mtime: 7 }), file("./.", "data")]);
      assert.deepEqual(sketch(tree), {}, name);
      assert.equal(tree.get(".")?.mode, "0755");
      assert.equal(tree.get(".")?.owner, "0:0");
      assert.notEqual(tree.get(".")?.mtimeNs, 7_000_000_000n);
      assert.equal(summary.files, 0);
    }
  });

  it("`/` and `..` of directories are the layer's root", () => {
    for (const name of ["/", "//", "/.", "/..", "..", "../", "a/../.."]) {
      const { tree } = applied([dir(name, { mode: 0o1700, uid: 5, gid: 6, mtime: 7 }), file("a")]);
      const { mode, owner, mtimeNs } = tree.get(".") ?? assert.fail();
      assert.deepEqual([mode, owner, mtimeNs], ["1700", "5:6", 7_000_000_000n], name);
    }
  });

  it("`/` and `..` of anything else are refused", () => {
    refuses(/EBUSY/, file("/"));
    refuses(/EBUSY/, symlink("..", "x"));
  });

  it("with `..` stay inside the layer, with a warning; under strict they are refused", () => {
    for (const name of ["../x", "a/../../x", "../../../x", "/../x", "/a/../../x"]) {
      const { tree, summary } = applied([file(name)]);
      assert.deepEqual(sketch(tree), { x: FILE }, name);
      assert.deepEqual(
        summary.warnings.map(({ code, name: first }) => [code, first]),
        [["PATH_ESCAPE", name]],
      );
      assert.throws(() => applied([file(name)], { strict: true }), { code: "PATH_ESCAPE", exit: 4 }, name);
    }
  });

  it("with a leading slash are the layer's own, also under strict", () => {
    for (const name of ["/x", "//x", "/a/../x", "/./x"]) {
      const { tree, summary } = applied([dir("/", { mode: 0o755 }), file(name)], { strict: true });
      assert.deepEqual(sketch(tree), { x: FILE }, name);
      assert.deepEqual(summary.warnings, [], name);
      assert.equal(summary.disturbed, false, name);
    }
  });

  it("are normalised", () => {
    assert.deepEqual(result(file("a//b/./c"), file("a/../x"), file("./y"), dir("d//")), {
      a: DIR,
      "a/b": DIR,
      "a/b/c": FILE,
      x: FILE,
      y: FILE,
      d: DIR,
    });
  });

  it("of regular files may end in a slash, and of directories need not", () => {
    assert.deepEqual(result(file("f/"), dir("d")), { f: FILE, d: DIR });
  });

  it("imply directories of mode 0755 and owner 0:0 made now", () => {
    const { tree, from, to } = applied([file("a/b/c", "", { uid: 5, gid: 6 })]);
    assert.deepEqual(sketch(tree), { a: DIR, "a/b": DIR, "a/b/c": "file 0644 5:6" });
    for (const path of ["a", "a/b"]) {
      const { mtimeNs } = tree.get(path) ?? assert.fail();
      assert.ok(mtimeNs >= from && mtimeNs <= to, path);
    }
  });

  it("count with every directory that they imply against what a layer may have", () => {
    const items = [file("a/b/c/f"), file("a/b/d/f"), dir("a/b")];
    assert.equal(applied(items, { maxEntries: 7 }).summary.files, 3);
    assert.throws(() => applied([...items, file("e/f")], { maxEntries: 8 }), {
      code: "BAD_TAR",
      message:
        "layer has more than 8 entries, with the directories that their names imply; spread them over several layers",
      fields: { entry: "e/f", limit: 8 },
    });
  });

  it("imply directories whatever the umask, with the set-group-id bit of the one above", () => {
    const before = process.umask(0o077);
    try {
      assert.deepEqual(result(dir("d/", { mode: 0o2775, gid: 50 }), file("d/a/b"), file("i/f")), {
        d: "dir 2775 0:50",
        "d/a": "dir 2755 0:0",
        "d/a/b": FILE,
        i: DIR,
        "i/f": FILE,
      });
    } finally {
      process.umask(before);
    }
  });

  it("are bytes: not UTF-8, control characters, backslashes", () => {
    const names = ["caf\xe9", "\xff\xfe", "new\nline", "back\\slash", "\x01\x7f", "\xc3\xa9"];
    assert.deepEqual(Object.keys(result(...names.map((name) => file(name)))).sort(), [...names].sort());
  });

  it("of more than 255 bytes a component, or 4095 in all, are refused", () => {
    refuses(/ENAMETOOLONG/, file("n".repeat(256)));
    refuses(/ENAMETOOLONG/, file(`${"n".repeat(256)}/x`));
    const deep = `${"d".repeat(250)}/`.repeat(16);
    using place = scratch("deep");
    assert.equal(applyTo(place.path, [file(`${deep}${"x".repeat(4094 - deep.length)}`)]).files, 1);
    refuses(/ENAMETOOLONG/, file(`${deep}${"x".repeat(4095 - deep.length)}`));
  });
});

describe("replacement of one object by another", { skip: oracle("root", "getfattr") }, () => {
  const kinds: Record<string, (name: string) => Item> = {
    file: (name) => file(name, "12345"),
    symlink: (name) => symlink(name, "."),
    fifo: (name) => fifo(name),
    char: (name) => char(name, 1, 3),
    dir: (name) => dir(name),
  };

  for (const [from, before] of Object.entries(kinds)) {
    for (const [to, after] of Object.entries(kinds)) {
      it(`${from} by ${to}`, () => {
        const items = [before("x"), ...(from === "dir" ? [file("x/below", "1")] : []), after("/x")];
        const { tree, summary } = applied(items);
        assert.equal(tree.get("x")?.type, to);
        assert.equal(tree.has("x/below"), from === "dir" && to === "dir");
        const sizes: Record<string, number> = { file: 5, symlink: 1, dir: from === "dir" ? 1 : 0 };
        assert.equal(summary.size, sizes[to] ?? 0);
      });
    }
  }

  it("of a directory by itself gives it the new attributes and leaves what is in it", () => {
    const { tree } = applied([
      dir("d/", { mode: 0o700, uid: 1, xattrs: { "user.a": "1" } }),
      file("d/f"),
      dir("/d", { mode: 0o1777, uid: 2, mtime: 9, xattrs: { "user.b": "2" } }),
    ]);
    assert.deepEqual(sketch(tree), { d: "dir 1777 2:0 user.a=0x31 user.b=0x32", "d/f": FILE });
    assert.equal(tree.get("d")?.mtimeNs, 9_000_000_000n);
  });

  it("counts hard links once and what was replaced not at all", () => {
    const items = [file("a", "12345"), item("hardlink", "b", { linkName: "a" as never }), file("/a", "123")];
    assert.equal(applied(items).summary.size, 8);
  });
});

describe("entries below something that is no directory", { skip: oracle("root", "getfattr") }, () => {
  it("are refused below a regular file", () => {
    refuses(/ENOTDIR/, file("f"), file("f/x"));
    refuses(/ENOTDIR/, file("f"), file("f/y/x"));
  });

  it("are written through a symlink to a directory of the layer", () => {
    assert.deepEqual(result(dir("d/"), symlink("s", "d"), file("s/x"), file("s/new/y")), {
      d: DIR,
      "d/new": DIR,
      "d/new/y": FILE,
      "d/x": FILE,
      s: "symlink 0777 0:0 -> d",
    });
  });

  it("are refused below a dangling symlink", () => {
    refuses(/EEXIST|ENOENT/, symlink("s", "missing"), file("s/x"));
    refuses(/EEXIST|ENOENT/, symlink("s", "missing"), file("s/d/x"));
    refuses(/ELOOP/, symlink("s", "s"), file("s/x"));
  });

  it("replace a symlink to a directory where they are a directory themselves", () => {
    assert.deepEqual(result(dir("d/"), symlink("s", "d"), dir("s/"), file("s/x")), {
      d: DIR,
      s: DIR,
      "s/x": FILE,
    });
  });
});

describe("types of entries", { skip: oracle("root", "getfattr") }, () => {
  it("that nobody knows are refused with dockerd's words", () => {
    refuses(/unhandled tar header type 83/, item("unknown", "x", { typeFlag: 83 }));
  });

  it("PAX global headers make nothing, not even a directory", () => {
    const { tree, summary } = applied([item("global", "tmp/pax_global_header")]);
    assert.equal(tree.size, 1);
    assert.equal(summary.files, 0);
  });

  it("devices and fifos get their numbers, modes and times", () => {
    const { tree } = applied([
      char("c", 300, 70000, { mode: 0o6666, uid: 3 }),
      block("b", 8, 1, { mode: 0o660, gid: 6 }),
      fifo("p", { mode: 0o622, mtime: { sec: 5, nsec: 6 } }),
    ]);
    assert.deepEqual(sketch(tree), {
      b: "block 0660 0:6 8:1",
      c: "char 6666 3:0 300:70000",
      p: "fifo 0622 0:0",
    });
    assert.equal(tree.get("p")?.mtimeNs, 5_000_000_006n);
  });

  it("mode bits above 07777, those of sockets too, are ignored", () => {
    assert.deepEqual(result(file("f", "", { mode: 0o140644 }), dir("d", { mode: 0o100755 })), { f: FILE, d: DIR });
  });
});
