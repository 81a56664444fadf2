/** Hard links, symlinks, ids. */
import { dir, entry, fifo, file, hardlink, layer, symlink } from "../../support/tar-builder.js";
import { type Case, loads, loses, refuses } from "./case.js";

const base = layer(file("lower", "in the lower layer"));

export const links: readonly Case[] = [
  loads("hard links and the spellings of their targets", [
    layer(
      file("a", "shared", { mtime: 5 }),
      hardlink("b", "/a", { mtime: 5 }),
      hardlink("c", "./a", { mtime: 5 }),
      hardlink("d", "../a", { mtime: 5 }),
      dir("e/"),
      hardlink("e/f", "e/../a", { mtime: 5 }),
    ),
  ]),
  loads("a hard link applies its own owner, mode, time and xattrs", [
    layer(
      file("a", "shared", { mode: 0o600, uid: 1, gid: 1, mtime: 10, xattrs: { "user.first": "1" } }),
      hardlink("b", "a", { mode: 0o4755, uid: 2, gid: 3, mtime: 20, xattrs: { "user.second": "2" } }),
    ),
  ]),
  loads("a hard link to a symlink links the symlink", [
    layer(file("t", "t"), symlink("s", "t", { mtime: 11 }), hardlink("h", "s", { uid: 4, mode: 0o600, mtime: 22 })),
  ]),
  loads("a hard link to a symlink by a text that leads to a file: the mode is for what the symlink leads to", [
    layer(
      ...[dir("real/"), dir("real/sub/"), file("real/b", "x"), symlink("a", "real/sub")],
      ...[file("t", "t", { mtime: 11 }), symlink("b", "/t", { mtime: 12 })],
      hardlink("h", "a/../b", { mode: 0o4710, uid: 4, mtime: 22 }),
    ),
  ]),
  loads("a hard link to a symlink by a text with a slash behind it: the mode is for the directory", [
    layer(dir("d/"), file("d/f", "f"), symlink("s", "d"), hardlink("h", "s/", { mode: 0o1710, uid: 4, mtime: 22 })),
  ]),
  refuses("BAD_TAR", "a hard link to a symlink that leads nowhere, by a text that leads to a file", [
    layer(
      ...[dir("real/"), dir("real/sub/"), file("real/b", "x"), symlink("a", "real/sub"), symlink("b", "/nowhere")],
      hardlink("h", "a/../b", { mode: 0o600 }),
    ),
  ]),
  loads("a hard link to a dangling symlink", [layer(symlink("s", "nowhere"), hardlink("h", "s", { uid: 4 }))]),
  loads("a hard link through a symlinked directory", [
    layer(dir("d/"), file("d/f", "f"), symlink("l", "d"), hardlink("x", "l/f"), hardlink("l/y", "/l/f")),
  ]),
  loses("hard links to fifos, and a name replaced by a link", [
    layer(fifo("p"), hardlink("q", "p", { mode: 0o640 }), file("r", "old"), file("s", "s"), hardlink("/r", "s")),
  ]),
  refuses("BAD_TAR", "a hard link to a file of a lower layer", [base, layer(hardlink("h", "lower"))]),
  refuses("BAD_TAR", "a hard link to a later entry", [layer(hardlink("h", "later"), file("later", "x"))]),
  refuses("BAD_TAR", "a hard link to itself", [layer(hardlink("h", "h"))]),
  refuses("BAD_TAR", "a hard link to a directory", [layer(dir("d/"), hardlink("h", "d"))]),
  loads("symlink targets stay verbatim", [
    layer(
      symlink("abs", "/etc/passwd"),
      symlink("up", "../../../../x"),
      symlink("untidy", "a//./b/../c/"),
      symlink("self", "self"),
      symlink("long", "t".repeat(1000), { gnuLong: true }),
      symlink("odd", "new\nline \\ \x01"),
      symlink("owned", "x", { uid: 1000, gid: 1001, mtime: 123 }),
    ),
  ]),
  refuses("BAD_TAR", "a symlink without a target", [layer(symlink("s", ""))]),
  loads("ids at their limits", [
    layer(
      file("max", "1", { uid: 2 ** 32 - 2, gid: 2 ** 32 - 2 }),
      file("wrap0", "2", { uid: 2 ** 32, gid: 2 ** 32 }),
      file("wrap1", "3", { uid: 2 ** 32 + 1, gid: 2 ** 32 + 7 }),
      file("minus5", "4", { uid: -5n, gid: -6n }),
      file("unchanged", "5", { uid: 2 ** 32 - 1, gid: 2 ** 32 - 1 }),
      file("octal-max", "6", { uid: 0o7777777, gid: 0o7777777 }),
      dir("d/", { uid: 3_000_000_000, gid: 4_000_000_000 }),
      symlink("l", "x", { uid: 3_000_000_000, gid: 4_000_000_000 }),
    ),
  ]),
  loads("owner names are ignored", [
    layer(file("f", "1", { uname: "root", gname: "wheel", uid: 12, gid: 13 }), file("g", "2", { uname: "nobody" })),
  ]),
  loads("PAX ids, sizes, names and links", [
    layer(
      file("short", "pax", { pax: { uid: "3000000000", gid: "3000000001" } }),
      file("x", "pax path", { pax: { path: `long/${"é".repeat(120)}` } }),
      symlink("y", "z", { pax: { path: "renamed", linkpath: `to/${"ü".repeat(100)}` } }),
      entry("0", "sized", "0123456789", { size: 0, pax: { size: "10" } }),
      dir("d", { pax: { path: "paxdir/", uid: "7", mtime: "12.5" } }),
      file("f", "x", { pax: { uname: "someone", gname: "group", comment: "hello", "VENDOR.key": "v" } }),
      file("minus", "m", { pax: { uid: "-5", gid: "-1" } }),
    ),
  ]),
];
