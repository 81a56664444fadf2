/** Names as they are written, cleaned and resolved; types that replace each other. */
import { block, char, dir, entry, fifo, file, hardlink, latin1, layer, symlink } from "../../support/tar-builder.js";
import { type Case, loads, loses, refuses } from "./case.js";

export const names: readonly Case[] = [
  loads("implicit parents of files, links and devices", [
    layer(
      file("a/b/c", "deep"),
      symlink("s/t/u", "x"),
      hardlink("h/i", "a/b/c"),
      char("dev/x/null", 1, 3),
      fifo("p/q"),
    ),
  ]),
  loads("implicit parent that gets its entry later", [
    layer(file("late/f", "1"), dir("late/", { mode: 0o1777, uid: 4, gid: 5, mtime: 7 })),
  ]),
  loads("dot entries for the root are ignored", [
    layer(dir("./", { mode: 0o700, uid: 5, gid: 6, mtime: 1 }), file("./f", "x")),
  ]),
  loads("a dot entry without a slash", [layer(dir(".", { mode: 0o711, uid: 8 }), file("f", "x"))]),
  loads("a slash entry changes the root of the layer", [
    layer(dir("/", { mode: 0o750, uid: 5, gid: 6, mtime: 1 }), file("/abs", "x")),
  ]),
  loads("a slash entry with xattrs", [layer(dir("/", { xattrs: { "trusted.root": "r" } }), file("f", "x"))]),
  loads("a dot dot directory entry changes the root of the layer", [
    layer(dir("../", { mode: 0o701, uid: 3, gid: 4 })),
  ]),
  loses("names that climb out end in the root of the layer", [
    layer(file("../up", "up"), file("a/../../over", "over"), file("../../../../etc/x", "x")),
  ]),
  loads("links and directories with names that climb out", [
    layer(dir("../d/"), symlink("../l", "../../.."), file("../empty"), hardlink("../h", "../empty")),
  ]),
  loads("absolute and untidy names", [
    layer(
      dir("/abs/", { mtime: 5 }),
      file("/abs/f", "1"),
      file("a/../x", "2"),
      file("b//c/./d", "3"),
      file("./e/", ""),
    ),
  ]),
  loads("type 0 with a trailing slash is a file", [layer(file("looks-like-dir/", "but is a file"))]),
  loads("v7 entries: a slash tells directories", [
    layer(
      entry(0, "olddir/", "", { magic: "v7", mode: 0o750, uid: 1, gid: 2 }),
      entry(0, "olddir/f", "v7", { magic: "v7", mode: 0o604 }),
      entry("0", "flag0", "v7 flag 0", { magic: "v7" }),
      entry("1", "olddir/l", "", { magic: "v7", link: "olddir/f" }),
      entry("2", "olds", "", { magic: "v7", link: "olddir" }),
    ),
  ]),
  loads("directory without a trailing slash", [layer(dir("d", { mode: 0o751, mtime: 9 }), file("d/f", "x"))]),
  loses("a regular file called dot", [layer(file("keep", "k"), file(".", "data of the root"))]),
  refuses("BAD_TAR", "a regular file called slash", [layer(file("/", "x"))], {}),
  refuses("BAD_TAR", "a regular file called dot dot", [layer(file("..", "x"))]),
  refuses("DUPLICATE_PATH", "the same file twice", [layer(file("f", "1"), file("f", "2"))]),
  refuses("DUPLICATE_PATH", "the same empty file twice", [layer(file("f"), file("f"))]),
  refuses("DUPLICATE_PATH", "the same directory twice", [layer(dir("d/"), dir("d"))]),
  refuses("DUPLICATE_PATH", "the same path under two spellings", [layer(file("a/b", "1"), file("./a//x/../b", "2"))]),
  refuses("DUPLICATE_PATH", "the same whiteout twice", [layer(file(".wh.x"), file(".wh.x"))]),
  loses("a second spelling that starts with a slash replaces the first", [layer(file("f", "1"), file("/f", "22"))]),
  loads("a second spelling with the same content", [layer(file("f", "same"), file("/f", "same", { mode: 0o600 }))]),
  loads("a directory merged with itself under two spellings", [
    layer(dir("d/", { mode: 0o700 }), file("d/f", "x"), dir("/d/", { mode: 0o711, uid: 2, mtime: 44 })),
  ]),
  loads("types replace each other under two spellings", [
    layer(
      dir("dir/"),
      file("dir/below"),
      file("/dir"),
      file("file"),
      dir("/file/", { mode: 0o700, mtime: 3 }),
      symlink("link", "nowhere"),
      dir("/link/"),
      fifo("fifo"),
      char("/fifo", 1, 5),
      char("char", 1, 3),
      symlink("/char", "x"),
      block("block", 8, 1),
      fifo("/block"),
    ),
  ]),
  loads("types change from layer to layer", [
    layer(dir("x/"), file("x/f", "1"), file("y", "y"), symlink("z", "y"), dir("w/"), fifo("v"), char("u", 1, 3)),
    layer(file("x", "now a file"), dir("y/"), file("y/below", "b"), dir("z/"), symlink("w", "y"), file("v"), dir("u/")),
    layer(symlink("x", "y"), file("y/below", "c"), char("z", 5, 0), file("w", "w"), dir("v/"), fifo("u")),
  ]),
  loads("a directory replaced by a symlink to a directory gets its mtime through it", [
    layer(dir("target/", { mtime: 100 }), dir("swap/", { mtime: 200 }), symlink("/swap", "target", { mtime: 300 })),
  ]),
  refuses("BAD_TAR", "a directory replaced by a dangling symlink", [layer(dir("swap/"), symlink("/swap", "nowhere"))]),
  loads("entries below a symlink to a directory go through it", [
    layer(
      dir("real/", { mtime: 6 }),
      symlink("via", "real"),
      file("via/f", "f"),
      dir("via/sub/", { mtime: 8 }),
      file("via/sub/g", "g"),
    ),
  ]),
  loses("entries below an absolute symlink stay in the layer", [
    layer(
      dir("etc/"),
      symlink("abs", "/etc"),
      file("abs/passwd", "inside\n"),
      symlink("up", "../../../etc"),
      file("up/shadow", "in"),
    ),
  ]),
  loses("a chain of symlinks", [
    layer(
      dir("t/u/"),
      symlink("l1", "t"),
      symlink("l2", "l1/u"),
      symlink("l3", "/l2"),
      file("l3/f", "end"),
      hardlink("l1/h", "l3/f"),
    ),
  ]),
  refuses("BAD_TAR", "an entry below a dangling symlink", [layer(symlink("dead", "nowhere"), file("dead/f", "x"))]),
  refuses("BAD_TAR", "an entry below a symlink to itself", [layer(symlink("loop", "loop"), file("loop/f", "x"))]),
  refuses("BAD_TAR", "an entry below a regular file", [layer(file("plain", "x"), file("plain/below", "y"))]),
  loads("a directory entry over a symlink to a directory replaces it", [
    layer(dir("real/"), file("real/f", "f"), symlink("alias", "real"), dir("/alias/", { mode: 0o700 })),
  ]),
  loads("a directory entry of an upper layer over a lower symlink", [
    layer(dir("real/"), symlink("alias", "real")),
    layer(dir("alias/"), file("alias/f", "in a new directory")),
  ]),
  refuses("BAD_TAR", "a component of 256 bytes", [layer(file("n".repeat(256), "x", { gnuLong: true }))]),
  loads("a component of 255 bytes and a path of 3000", [
    layer(
      file("n".repeat(255), "x", { gnuLong: true }),
      file(`${`${"p".repeat(99)}/`.repeat(30)}end`, "deep", { gnuLong: true }),
    ),
  ]),
  loads("names that are not UTF-8, byte for byte", [
    layer(
      dir(latin1("caf\xe9/")),
      file(latin1("caf\xe9/\xff\xfe"), "bytes"),
      symlink(latin1("l\x80"), latin1("\xc3\x28")),
      hardlink(latin1("h\xf0"), latin1("caf\xe9/\xff\xfe")),
      file(latin1("caf\xe9/.wh.\xf5")),
      file("ünïcödé-☃-𝄞", "utf-8"),
    ),
  ]),
  loads("names with control characters, backslashes and newlines", [
    layer(
      file("new\nline", "1"),
      file("tab\there", "2"),
      file("back\\slash", "3"),
      file("quote\"and'", "4"),
      file("bell\x07esc\x1b[31m", "5"),
      file("<&>", "6"),
      file("sep\u2028\u2029", "7"),
      file("\x7f\x01", "8"),
      file(" lead and trail ", "9"),
      file("-rf", "10"),
      file("back\x08form\x0ccr\r", "11"),
    ),
  ]),
  loses("directory, symlink and hard link with a size", [
    layer(file("t", "target"), dir("d/", { size: 7 }), symlink("s", "t", { size: 3 }), hardlink("h", "t", { size: 6 })),
  ]),
  refuses("BAD_TAR", "type 7, contiguous file", [layer(entry("7", "f", "x"))]),
  refuses("BAD_TAR", "type S, GNU sparse", [layer(entry("S", "f", "x", { magic: "gnu" }))]),
  refuses("BAD_TAR", "type S without GNU magic", [layer(entry("S", "f", "x"))]),
  ...["s", "A", "M", "V", "D", "N", "I", "8", "9", "Z", " "].map((flag) =>
    refuses("BAD_TAR", `unknown type ${flag === " " ? "space" : flag.charCodeAt(0)}`, [layer(entry(flag, "f", ""))]),
  ),
  loads("devices and fifos", [
    layer(
      char("null", 1, 3, { mode: 0o666 }),
      char("big", 300, 70000, { uid: 1, gid: 2 }),
      block("sda", 8, 0, { mode: 0o660, gid: 6 }),
      block("bigblock", 4095, 1048575),
      fifo("pipe", { mode: 0o4611, uid: 9, mtime: 77 }),
    ),
  ]),
  loads("file type bits in the mode are ignored", [
    layer(
      file("sock", "s", { mode: 0o140755 }),
      file("dirbits", "d", { mode: 0o40711 }),
      file("high", "h", { mode: 0o7777777 }),
      dir("regbits/", { mode: 0o100700 }),
    ),
  ]),
  loads("setuid, setgid and sticky survive the change of owner", [
    layer(
      file("su", "s", { mode: 0o4755, uid: 1000, gid: 1000 }),
      file("sg", "s", { mode: 0o2711, uid: 5, gid: 50 }),
      file("all", "s", { mode: 0o7777, uid: 1, gid: 1 }),
      dir("sgdir/", { mode: 0o2775, gid: 50 }),
      file("sgdir/child", "c", { gid: 7 }),
      dir("sgdir/childdir/"),
      dir("tmp/", { mode: 0o1777 }),
      file("none", "n", { mode: 0 }),
    ),
  ]),
];
