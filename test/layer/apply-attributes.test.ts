import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { describe, it } from "node:test";
import { applied, applyTo, dir, fifo, file, type Item, sketch, symlink } from "../support/layer-entries.js";
import { oracle } from "../support/oracles.js";
import { scratch } from "../support/tmp.js";

const SKIP = { skip: oracle("root", "getfattr") };
const S = 1_000_000_000n;

describe("owners and modes", SKIP, () => {
  it("keep set-user-id and set-group-id, which chown would take away", () => {
    const { tree } = applied([
      file("su", "content", { mode: 0o4755, uid: 5, gid: 6 }),
      file("sg", "content", { mode: 0o2755, uid: 5, gid: 6 }),
      dir("sticky", { mode: 0o3777, uid: 5, gid: 6 }),
    ]);
    assert.deepEqual(sketch(tree), {
      su: "file 4755 5:6",
      sg: "file 2755 5:6",
      sticky: "dir 3777 5:6",
    });
  });

  it("do not depend on the umask or on the directory above", () => {
    const before = process.umask(0o077);
    try {
      const { tree } = applied([
        dir("d/", { mode: 0o2777, gid: 50 }),
        dir("d/sub/", { mode: 0o777 }),
        file("d/f", "", { mode: 0o666 }),
        fifo("d/p", { mode: 0o666 }),
        symlink("d/s", "f"),
      ]);
      assert.deepEqual(sketch(tree), {
        d: "dir 2777 0:50",
        "d/f": "file 0666 0:0",
        "d/p": "fifo 0666 0:0",
        "d/s": "symlink 0777 0:0 -> f",
        "d/sub": "dir 0777 0:0",
      });
    } finally {
      process.umask(before);
    }
  });

  it("are ids modulo 2^32, of which the highest means unchanged", () => {
    const ids = { a: 2 ** 32, b: 2 ** 32 + 1, c: -5, d: 2 ** 32 - 1, e: -1, f: 2 ** 32 - 2 };
    const { tree } = applied(Object.entries(ids).map(([name, uid]) => file(name, "", { uid, gid: uid })));
    assert.deepEqual(
      Object.keys(ids).map((name) => tree.get(name)?.owner),
      ["0:0", "1:1", "4294967291:4294967291", "0:0", "0:0", "4294967294:4294967294"],
    );
  });

  it("may shut out everybody: files of mode 000 in directories of mode 000", () => {
    const { tree } = applied([dir("d/", { mode: 0 }), file("d/f", "x", { mode: 0 }), file("d/sub/g")]);
    assert.deepEqual(sketch(tree), {
      d: "dir 0000 0:0",
      "d/f": "file 0000 0:0",
      "d/sub": "dir 0755 0:0",
      "d/sub/g": "file 0644 0:0",
    });
  });
});

describe("times", SKIP, () => {
  it("are kept to the nanosecond, directories' too", () => {
    const { tree } = applied([
      dir("d/", { mtime: { sec: 3, nsec: 4 } }),
      dir("d/sub/", { mtime: { sec: 5, nsec: 6 } }),
      file("d/sub/f", "", { mtime: { sec: 2 ** 33, nsec: 999999999 } }),
      symlink("d/s", "x"),
    ]);
    assert.equal(tree.get("d")?.mtimeNs, 3n * S + 4n);
    assert.equal(tree.get("d/sub")?.mtimeNs, 5n * S + 6n);
    assert.equal(tree.get("d/sub/f")?.mtimeNs, (2n ** 33n + 1n) * S - 1n);
  });

  it("of a directory are the last of its entries', though more comes into it later", () => {
    const { tree } = applied([dir("d/", { mtime: 3 }), dir("/d/", { mtime: 4 }), file("d/late")]);
    assert.equal(tree.get("d")?.mtimeNs, 4n * S);
  });

  it("before 1970 and after 11 April 2262 become the epoch", () => {
    const last = { sec: 9223372036, nsec: 854775807 };
    const { tree } = applied([
      file("old", "", { mtime: -1 }),
      file("older", "", { mtime: { sec: -1, nsec: 999999999 } }),
      dir("olddir", { mtime: -5 }),
      file("last", "", { mtime: last }),
      file("far", "", { mtime: { ...last, nsec: last.nsec + 1 } }),
    ]);
    assert.deepEqual(
      ["old", "older", "olddir", "last", "far"].map((name) => tree.get(name)?.mtimeNs),
      [0n, 0n, 0n, 2n ** 63n - 1n, 0n],
    );
  });

  it("of access are the header's, but never before the modification; a directory's are the header's or the epoch", () => {
    using place = scratch("atime");
    applyTo(place.path, [
      file("none", "", { mtime: 100 }),
      file("earlier", "", { mtime: 100, atime: 50 }),
      file("later", "", { mtime: 100, atime: { sec: 200, nsec: 3 } }),
      dir("dnone/", { mtime: 100 }),
      dir("dearlier/", { mtime: 100, atime: 50 }),
    ]);
    const atimes = ["none", "earlier", "later", "dnone", "dearlier"].map(
      (name) => statSync(place.join(name), { bigint: true }).atimeNs,
    );
    assert.deepEqual(atimes, [100n * S, 100n * S, 200n * S + 3n, 0n, 50n * S]);
  });

  it("of a directory go to what took its place: through a symlink to that one's target", () => {
    const { tree } = applied([
      dir("d/", { mtime: 3 }),
      file("t", "", { mtime: 50 }),
      symlink("/d", "t", { mtime: 60 }),
    ]);
    assert.equal(tree.get("t")?.mtimeNs, 3n * S);
    assert.equal(tree.get("d")?.mtimeNs, 60n * S);
    assert.equal(applied([dir("d/", { mtime: 3 }), file("/d", "")]).tree.get("d")?.mtimeNs, 3n * S);
  });

  it("of a directory that is gone, or whose place a dangling symlink took, fail the layer", () => {
    const refuses = (...items: Item[]) =>
      assert.throws(() => applied(items), { code: "BAD_TAR", message: /the directory that it was/ });
    refuses(dir("d/"), symlink("/d", "missing"));
    refuses(dir("d/"), dir("d/sub/"), file("/d"));
  });
});

describe("extended attributes", SKIP, () => {
  it("are set byte for byte on everything that can have them", () => {
    const capability = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    const hex = `0x${Buffer.from(capability, "latin1").toString("hex")}`;
    const { tree, summary } = applied([
      file("f", "x", {
        uid: 5,
        xattrs: { "security.capability": capability, "user.nul": "a\0b", "user.caf\xe9": "\xff" },
      }),
      dir("d/", { mode: 0o555, xattrs: { "trusted.x": "1" } }),
      symlink("s", "f", { xattrs: { "trusted.x": "2" } }),
      fifo("p", { xattrs: { "trusted.x": "3" } }),
    ]);
    assert.deepEqual(sketch(tree), {
      f: `file 0644 5:0 security.capability=${hex} user.caf\xe9=0xff user.nul=0x610062`,
      d: "dir 0555 0:0 trusted.x=0x31",
      s: "symlink 0777 0:0 -> f trusted.x=0x32",
      p: "fifo 0644 0:0 trusted.x=0x33",
    });
    assert.deepEqual(summary.warnings, []);
  });

  it("that the filesystem does not know, or that this type cannot have, are left out with one warning", () => {
    const { tree, summary } = applied([
      file("f", "", { xattrs: { nodot: "1", "unknown.x": "1" } }),
      symlink("s", "f", { xattrs: { "user.x": "1" } }),
      fifo("p", { xattrs: { "user.x": "1" } }),
    ]);
    assert.deepEqual(sketch(tree), { f: "file 0644 0:0", p: "fifo 0644 0:0", s: "symlink 0777 0:0 -> f" });
    assert.equal(summary.warnings.length, 1);
    const [warning] = summary.warnings;
    assert.equal(warning?.code, "XATTR_IGNORED");
    assert.equal(warning?.name, "f");
    assert.match(warning?.message ?? "", /attribute nodot .*ENOTSUP/);
    assert.equal(warning?.count, 4);
  });

  it("that are malformed, nameless or too long fail the layer", () => {
    const refuses = (name: string, value: string, message: RegExp) =>
      assert.throws(() => applied([file("f", "", { xattrs: { [name]: value } })]), { code: "BAD_TAR", message }, name);
    refuses("security.capability", "junk", /EINVAL/);
    refuses("system.posix_acl_access", "\x02\0\0\0cut", /EINVAL/);
    refuses("", "x", /ERANGE/);
    refuses("user.\0", "x", /EINVAL/);
    refuses(`user.${"n".repeat(255)}`, "x", /ERANGE/);
    refuses("user.big", "x".repeat(65537), /E2BIG/);
  });

  it("of an ACL are set before the mode, whose group bits become the ACL's mask", () => {
    const u32 = (n: number) => String.fromCharCode(n & 255, (n >> 8) & 255, (n >> 16) & 255, (n >> 24) & 255);
    const entry = (tag: number, perm: number, id: number) => String.fromCharCode(tag, 0, perm, 0) + u32(id);
    const none = 0xffffffff;
    const acl =
      u32(2) + entry(1, 6, none) + entry(2, 7, 5) + entry(4, 4, none) + entry(16, 7, none) + entry(32, 4, none);
    const { tree } = applied([file("f", "", { mode: 0o640, xattrs: { "system.posix_acl_access": acl } })]);
    const node = tree.get("f");
    assert.equal(node?.mode, "0640");
    const masked = Buffer.from(node?.xattrs.get("system.posix_acl_access")?.slice(2) ?? "", "hex");
    assert.equal(masked[4 + 3 * 8 + 2], 4, "the mask is the mode's group bits");
  });
});
