import assert from "node:assert/strict";
import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { describe, it } from "node:test";
import { type ByteString, byteStringOf } from "../../src/model/bytes.js";
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  close,
  deviceNumber,
  linkAt,
  makeDirectoryAt,
  makeNodeAt,
  makeSymlinkAt,
  openAt,
  openAt2,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  renameAt,
  S_IFCHR,
  S_IFIFO,
  unlinkAt,
} from "../../src/sys/at.js";
import { changeMode, changeModeAt, changeOwnerAt, changeTimes, changeTimesAt } from "../../src/sys/attributes.js";
import { EEXIST, EISDIR, ENOENT, EXDEV, errnoName, must } from "../../src/sys/errno.js";
import { isDirectory, isSymlink, type Stat, statAt, statOf } from "../../src/sys/stat.js";
import { writeAll } from "../../src/sys/write.js";
import { oracle } from "../support/oracles.js";
import { type Scratch, scratch } from "../support/tmp.js";

const name = (text: string) => text as ByteString;
const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

function open(place: Scratch): Disposable & { readonly fd: number } {
  const fd = openSync(place.path, constants.O_RDONLY | constants.O_DIRECTORY);
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}

function stat(dir: number, of: string): Stat {
  const found = statAt(dir, name(of));
  return typeof found === "number" ? assert.fail(errnoName(-found)) : found;
}

describe("objects by name in an open directory", () => {
  it("are made, linked, renamed and removed; names are bytes", () => {
    using place = scratch("sys");
    using dir = open(place);
    const odd = name("caf\xe9\xff \n");
    const fd = openAt(dir.fd, odd, NEW, 0o600);
    assert.equal(writeAll(fd, Buffer.from("content")), 0);
    assert.equal(close(fd), 0);
    assert.equal(openAt(dir.fd, odd, NEW, 0o600), -EEXIST);
    assert.equal(makeDirectoryAt(dir.fd, name("d"), 0o700), 0);
    assert.equal(linkAt(dir.fd, odd, dir.fd, name("d/link")), 0);
    assert.equal(makeSymlinkAt(odd, dir.fd, name("s")), 0);
    assert.equal(renameAt(dir.fd, odd, dir.fd, name("f")), 0);
    assert.equal(readFileSync(place.join("d", "link"), "utf8"), "content");
    assert.equal(readlinkSync(place.join("s"), "latin1"), odd);
    assert.equal(unlinkAt(dir.fd, name("d")), -EISDIR);
    assert.equal(unlinkAt(dir.fd, name("d/link")), 0);
    assert.equal(unlinkAt(dir.fd, name("d"), AT_REMOVEDIR), 0);
    assert.equal(unlinkAt(dir.fd, name("missing")), -ENOENT);
    assert.deepEqual(readdirSync(place.path).sort(), ["f", "s"]);
  });

  it("cannot have a NUL in their name, which C would take for its end", () => {
    assert.throws(() => openAt(AT_FDCWD, name("/etc/passwd\0x"), constants.O_RDONLY), { code: "IO", message: /NUL/ });
  });

  it("are named by more than 4096 bytes only to be refused", () => {
    assert.equal(errnoName(-openAt(AT_FDCWD, name(`/${"x".repeat(5000)}`), constants.O_RDONLY)), "ENAMETOOLONG");
  });

  it("close on exec, as every fd of this process does", () => {
    using place = scratch("sys");
    const fd = openAt(AT_FDCWD, byteStringOf(place.path), constants.O_RDONLY);
    assert.match(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"), /flags:\s+0?2\d{6}/);
    close(fd);
  });

  it("are found with the directory as the root, or not outside of it", () => {
    using place = scratch("sys");
    place.dir("etc");
    symlinkSync("/etc", place.join("abs"));
    using dir = open(place);
    assert.equal(openAt2(dir.fd, name("abs"), constants.O_RDONLY, RESOLVE_BENEATH), -EXDEV);
    const fd = openAt2(dir.fd, name("abs/../../etc"), constants.O_RDONLY, RESOLVE_IN_ROOT);
    assert.equal(readlinkSync(`/proc/self/fd/${fd}`), place.join("etc"));
    close(fd);
  });

  it("are devices with numbers as mknod(2) packs them", { skip: oracle("root") }, () => {
    using place = scratch("sys");
    using dir = open(place);
    assert.equal(makeNodeAt(dir.fd, name("c"), S_IFCHR | 0o600, deviceNumber(300, 70000)), 0);
    assert.equal(makeNodeAt(dir.fd, name("p"), S_IFIFO | 0o600, 0), 0);
    const { rdevMajor, rdevMinor } = stat(dir.fd, "c");
    assert.deepEqual([rdevMajor, rdevMinor], [300, 70000]);
    assert.ok(lstatSync(place.join("p")).isFIFO());
  });
});

describe("statx", () => {
  it("says what node:fs says", () => {
    using place = scratch("sys");
    using dir = open(place);
    writeFileSync(place.join("f"), "12345", { mode: 0o640 });
    linkSync(place.join("f"), place.join("g"));
    symlinkSync("target", place.join("s"));
    for (const of of ["f", "s", "."]) {
      const found = stat(dir.fd, of);
      const expected = lstatSync(place.join(of), { bigint: true });
      assert.deepEqual([found.mode, found.nlink, found.uid, found.gid, found.size].map(BigInt), [
        expected.mode,
        expected.nlink,
        expected.uid,
        expected.gid,
        expected.size,
      ]);
      assert.equal(BigInt(found.mtime.sec) * 1_000_000_000n + BigInt(found.mtime.nsec), expected.mtimeNs);
    }
    assert.equal(stat(dir.fd, "f").identity, stat(dir.fd, "g").identity);
    assert.notEqual(stat(dir.fd, "f").identity, stat(dir.fd, "s").identity);
    assert.ok(isSymlink(stat(dir.fd, "s")));
    const own = statOf(dir.fd);
    assert.ok(typeof own !== "number" && isDirectory(own));
    assert.equal(statAt(dir.fd, name("missing")), -ENOENT);
  });
});

describe("attributes", () => {
  it("times go from before 1970 to after 2262, to the nanosecond", () => {
    using place = scratch("sys", 2 ** 26);
    using dir = open(place);
    writeFileSync(place.join("f"), "");
    symlinkSync("f", place.join("s"));
    const times = [
      { sec: -1, nsec: 1 },
      { sec: 0, nsec: 0 },
      { sec: 2 ** 31, nsec: 999999999 },
      { sec: 9223372036, nsec: 5 },
    ];
    for (const time of times) {
      const fd = openSync(place.join("f"), "r");
      assert.equal(changeTimes(fd, { sec: 1, nsec: 2 }, time), 0);
      closeSync(fd);
      assert.equal(changeTimesAt(dir.fd, name("s"), { sec: 3, nsec: 4 }, time), 0);
      const [file, link] = [stat(dir.fd, "f"), stat(dir.fd, "s")];
      assert.deepEqual([file.mtime, link.mtime], [time, time]);
      assert.deepEqual(
        [file.atime, link.atime],
        [
          { sec: 1, nsec: 2 },
          { sec: 3, nsec: 4 },
        ],
      );
    }
  });

  it("modes have twelve bits; owners are 32 bits, of symlinks their own", { skip: oracle("root") }, () => {
    using place = scratch("sys");
    using dir = open(place);
    writeFileSync(place.join("f"), "");
    symlinkSync("f", place.join("s"));
    assert.equal(changeOwnerAt(dir.fd, name("s"), 2 ** 32 + 5, -2), 0);
    assert.deepEqual([stat(dir.fd, "s").uid, stat(dir.fd, "s").gid, stat(dir.fd, "f").uid], [5, 2 ** 32 - 2, 0]);
    assert.equal(changeModeAt(dir.fd, name("f"), 0o4751), 0);
    assert.equal(stat(dir.fd, "f").mode & 0o7777, 0o4751);
    const fd = openSync(place.join("f"), "r");
    assert.equal(changeMode(fd, 0o7000), 0);
    closeSync(fd);
    assert.equal(stat(dir.fd, "f").mode & 0o7777, 0o7000);
  });
});

describe("write", () => {
  it("takes chunks of shared memory where they lie, and nothing around them", () => {
    using place = scratch("sys");
    const shared = new Uint8Array(new SharedArrayBuffer(3 * 2 ** 20)).fill(0x61);
    shared.fill(0x62, 1000, 2_000_000);
    const fd = openSync(place.join("f"), "w");
    assert.equal(writeAll(fd, shared.subarray(1000, 2_000_000)), 0);
    assert.equal(writeAll(fd, new Uint8Array(0)), 0);
    closeSync(fd);
    assert.ok(readFileSync(place.join("f")).equals(Buffer.alloc(1_999_000, "b")));
  });

  it("answers with the errno of a full disk", { skip: oracle("root") }, () => {
    const fd = openSync("/dev/full", "w");
    const result = writeAll(fd, Buffer.from("x"));
    closeSync(fd);
    assert.throws(() => must(result, "write x"), { code: "NO_SPACE", message: "cannot write x: ENOSPC" });
  });
});

describe("errno", () => {
  it("has names for what node:os knows, and numbers for the rest", async () => {
    const { constants: os } = await import("node:os");
    for (const [known, number] of Object.entries(os.errno)) {
      const found = errnoName(number);
      const aliases = ["EWOULDBLOCK", "EOPNOTSUPP"];
      if (!found.startsWith("errno ") && !aliases.includes(known)) assert.equal(found, known);
    }
    assert.equal(errnoName(4711), "errno 4711");
  });
});
