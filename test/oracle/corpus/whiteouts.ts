/** Deletions: whiteouts, opaque directories, and what they clash with. */
import { char, dir, file, hardlink, layer, opaque, symlink, whiteout } from "../../support/tar-builder.js";
import { type Case, loads, loses, refuses } from "./case.js";

const lower = layer(
  dir("d/", { mode: 0o700, uid: 5, gid: 6 }),
  file("d/a", "lower a"),
  file("d/b", "lower b"),
  dir("d/sub/"),
  file("d/sub/x", "lower x"),
  file("top", "lower top"),
);

export const whiteouts: readonly Case[] = [
  loads("whiteout over a lower file, an implicit parent resets the lower directory", [lower, layer(whiteout("d/a"))]),
  loads("whiteout over a lower directory and over a top level file", [
    lower,
    layer(whiteout("d/sub"), whiteout("top")),
  ]),
  loads("whiteout keeps owner and drops mode and time of its entry", [
    lower,
    layer(dir("d/"), whiteout("d/a", { uid: 77, gid: 88, mode: 0o4755, mtime: 3 })),
  ]),
  loads("whiteout entry as a symlink, a device, a directory and with xattrs", [
    lower,
    layer(
      dir("d/"),
      symlink("d/.wh.a", "b"),
      char("d/.wh.b", 1, 3),
      dir("d/.wh.sub/", { mode: 0o711, uid: 3 }),
      file(".wh.top", "", { xattrs: { "user.note": "on a whiteout", "trusted.t": "1" } }),
    ),
  ]),
  loads("whiteout in a base layer", [layer(whiteout("nothing"), dir("e/"), whiteout("e/none"))]),
  loses("whiteout with a payload", [lower, layer(file("d/.wh.a", "why not"), dir("d/"))]),
  loads("opaque marker before its directory entry", [lower, layer(opaque("d"), dir("d/"), file("d/new", "n"))]),
  loads("opaque marker after the siblings of the same layer", [
    lower,
    layer(dir("d/"), file("d/new", "n"), opaque("d")),
  ]),
  loads("opaque marker without a directory entry", [lower, layer(opaque("d"))]),
  loads("opaque marker in a directory that no layer has", [
    lower,
    layer(opaque("fresh/deep"), file("fresh/deep/f", "f")),
  ]),
  loads("opaque marker at top level", [lower, layer(opaque(""), file("only", "me"))]),
  loads("opaque directory with mode owner and time of its own entry", [
    lower,
    layer(dir("d/", { mode: 0o2750, uid: 11, gid: 12, mtime: 99 }), opaque("d", { uid: 1, mode: 0, mtime: 5 })),
  ]),
  loads("opaque marker twice under two spellings", [lower, layer(dir("d/"), opaque("d"), opaque("/d"))]),
  loads("opaque marker on a symlinked directory", [
    lower,
    layer(dir("real/"), symlink("alias", "real"), opaque("alias"), file("alias/f", "f")),
  ]),
  loses("opaque marker with a payload", [lower, layer(dir("d/"), file("d/.wh..wh..opq", "payload"))]),
  loads("whiteout then a file of the same name", [lower, layer(whiteout("d/a"), file("d/a", "upper a"))]),
  loads("whiteout then a directory of the same name stays transparent", [
    lower,
    layer(whiteout("d"), dir("d/"), file("d/new", "new")),
  ]),
  loads("whiteout then a directory opened by a child only", [lower, layer(whiteout("z"), dir("z/"), file("z/f", ""))]),
  loads("whiteout then a hard link to it makes a second whiteout", [
    lower,
    layer(dir("d/"), whiteout("d/a"), hardlink("d/b", "d/a")),
  ]),
  loads("whiteout below a lower regular file makes a directory", [lower, layer(whiteout("top/x"))]),
  loads("character device 0 0 acts as a whiteout", [
    lower,
    layer(dir("d/"), char("d/a", 0, 0, { mode: 0o644, mtime: 12345, uid: 9, gid: 9 })),
  ]),
  loads("aufs metadata names are whiteouts and plain files", [
    lower,
    layer(
      file(".wh..wh.aufs"),
      dir(".wh..wh.orph/"),
      file("d/.wh..wh.foo"),
      file(".wh..wh.plnk/123.4", "linked data"),
      hardlink("plinked", ".wh..wh.plnk/123.4"),
    ),
  ]),
  loads("aufs plink directory entry becomes a device", [lower, layer(dir(".wh..wh.plnk/"))]),
  refuses("BAD_TAR", "file then its whiteout in one layer", [lower, layer(dir("d/"), file("d/a"), whiteout("d/a"))]),
  refuses("BAD_TAR", "directory then its whiteout in one layer", [lower, layer(dir("d/"), whiteout("d"))]),
  refuses("BAD_TAR", "whiteout twice under two spellings", [lower, layer(whiteout("top"), whiteout("/top"))]),
  refuses("BAD_TAR", "whiteout without a name", [lower, layer(dir("d/"), file("d/.wh."))]),
  refuses("BAD_TAR", "whiteout of a dot", [lower, layer(dir("d/"), file("d/.wh.."))]),
  refuses("BAD_TAR", "whiteout of two dots", [lower, layer(dir("d/"), file("d/.wh..."))]),
  refuses("BAD_TAR", "whiteout of a name of 256 bytes", [
    lower,
    layer(file(`.wh.${"w".repeat(256)}`, "", { gnuLong: true })),
  ]),
];
