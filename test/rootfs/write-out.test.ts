/** Unions written out. Under root, the tests of an ordinary user's run start this file again as user 65534. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { OvlError } from "../../src/errors.js";
import { byteStringOf } from "../../src/model/bytes.js";
import { Union } from "../../src/rootfs/union.js";
import { writeOut } from "../../src/rootfs/write-out.js";
import { AT_FDCWD, makeNodeAt, O_PATH, openAt, S_IFCHR } from "../../src/sys/at.js";
import { must } from "../../src/sys/errno.js";
import { setXattrAt } from "../../src/sys/xattr.js";
import { oracle } from "../support/oracles.js";
import { asOrdinaryUser, ORDINARY_USER } from "../support/ordinary-user.js";
import { diskScratch, type Scratch, scratch } from "../support/tmp.js";

const skip = oracle("root");

/** One layer with a few files, and one below it. */
function sample(place: Scratch): string[] {
  const [top, below] = [place.dir("top"), place.dir("below")];
  mkdirSync(`${top}/d`);
  writeFileSync(`${top}/d/f`, "content");
  linkSync(`${top}/d/f`, `${top}/linked`);
  mkdirSync(`${below}/d`);
  writeFileSync(`${below}/d/z`, "below");
  chmodSync(top, 0o751);
  chmodSync(`${below}/d/z`, 0o4711);
  return [top, below];
}

/** A file that cannot be read, so that what comes before it in the walk has been written when this fails. */
function breakFile(path: string): void {
  writeFileSync(path, "only metadata");
  const slash = must(openAt(AT_FDCWD, byteStringOf("/"), O_PATH), "open /");
  must(setXattrAt(slash, byteStringOf(path), byteStringOf("trusted.overlay.metacopy"), Buffer.from("")), "setxattr");
}

async function written(dirs: readonly string[], out: string, link: "copy" | "hardlink" | "reflink" = "copy") {
  using union = new Union(dirs);
  return await writeOut(union, out, { link });
}

function code(expected: string, pattern: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof OvlError, String(error));
    assert.equal(error.code, expected, error.message);
    assert.match(error.message, pattern);
    return true;
  };
}

describe("writeOut", () => {
  it("makes the directory, or fills an empty one, with the root's own attributes", async () => {
    using place = scratch("out", 0);
    const dirs = sample(place);
    for (const out of [place.join("new"), place.dir("empty")]) {
      const { path, warnings } = await written(dirs, out);
      assert.equal(path, out);
      assert.deepEqual(warnings, []);
      assert.deepEqual(readdirSync(out, { recursive: true }).sort(), ["d", "d/f", "d/z", "linked"]);
      assert.equal(readFileSync(`${out}/d/z`, "utf8"), "below");
      assert.equal(lstatSync(`${out}/d/z`).mode & 0o7777, 0o4711);
      assert.equal(lstatSync(out).mode & 0o7777, 0o751);
      assert.equal(lstatSync(out).mtimeMs, lstatSync(dirs[0] as string).mtimeMs);
      assert.equal(lstatSync(`${out}/d/f`).ino, lstatSync(`${out}/linked`).ino);
      assert.notEqual(lstatSync(`${out}/d/f`).ino, lstatSync(`${dirs[0]}/d/f`).ino);
    }
    assert.deepEqual(readdirSync(place.path).sort(), ["below", "empty", "new", "top"]);
  });

  it("gives the layers' files further names where it is to link them", async () => {
    using place = scratch("out", 0);
    const dirs = sample(place);
    const out = place.join("out");
    await written(dirs, out, "hardlink");
    assert.equal(lstatSync(`${out}/d/f`).ino, lstatSync(`${dirs[0]}/d/f`).ino);
    assert.equal(lstatSync(`${out}/d/z`).ino, lstatSync(`${dirs[1]}/d/z`).ino);
    assert.notEqual(lstatSync(`${out}/d`).ino, lstatSync(`${dirs[0]}/d`).ino);
  });

  it("copies where the filesystem cannot share content, and says so once", async () => {
    using place = scratch("out", 0);
    const { warnings } = await written(sample(place), place.join("out"), "reflink");
    assert.equal(readFileSync(place.join("out", "d", "f"), "utf8"), "content");
    // Filesystems that can share have nothing to tell.
    if (warnings.length > 0) assert.match(warnings[0]?.message ?? "", /sharing the content of 2 files.*\/d\/f/);
    assert.ok(warnings.length <= 1);
  });

  it("says what to do where files cannot be linked across filesystems", async (t) => {
    using place = scratch("out");
    using elsewhere = diskScratch("out");
    if (statSync(place.path).dev === statSync(elsewhere.path).dev) return t.skip("needs two filesystems");
    const dirs = sample(place);
    await assert.rejects(written(dirs, elsewhere.join("out"), "hardlink"), code("IO", /use --link copy/));
    assert.deepEqual(readdirSync(elsewhere.path), []);
  });

  it("keeps the holes of files", async () => {
    using place = scratch("out", 0);
    const top = place.dir("top");
    const fd = openSync(`${top}/holes`, "w");
    writeSync(fd, "start", 0);
    writeSync(fd, "middle", 50_000_000);
    ftruncateSync(fd, 100_000_000);
    await written([top], place.join("out"));
    const { size, blocks } = statSync(place.join("out", "holes"));
    assert.equal(size, 100_000_000);
    assert.ok(blocks * 512 < 1_000_000, `${blocks} blocks`);
    const content = readFileSync(place.join("out", "holes"));
    assert.ok(content.equals(readFileSync(`${top}/holes`)));
  });

  it("refuses what is no empty directory", async () => {
    using place = scratch("out", 0);
    const dirs = sample(place);
    writeFileSync(place.join("file"), "");
    await assert.rejects(written(dirs, place.join("file")), code("USAGE", /is no directory/));
    await assert.rejects(written(dirs, place.path), code("USAGE", /is not empty: it has "/));
    await assert.rejects(written(dirs, place.join("no", "where")), code("NOT_FOUND", /there is no directory .*no$/));
  });

  it("leaves nothing behind when it fails, but a directory that was there", { skip }, async () => {
    using place = scratch("out", 0);
    const dirs = sample(place);
    writeFileSync(Buffer.from(`${dirs[0]}/a\xff\n`, "latin1"), "a name that is no text");
    mkdirSync(`${dirs[0]}/locked`, { mode: 0 });
    breakFile(`${dirs[0]}/zz`);
    const before = readdirSync(place.path).length;
    await assert.rejects(written(dirs, place.join("out")), code("BAD_ROOT", /\/zz/));
    assert.equal(readdirSync(place.path).length, before);
    const empty = place.dir("empty");
    await assert.rejects(written(dirs, empty), code("BAD_ROOT", /\/zz/));
    assert.deepEqual(readdirSync(empty), []);
  });

  it("stops when it is told to, and leaves nothing behind", async () => {
    using place = scratch("out", 0);
    const dirs = sample(place);
    const reason = new OvlError("INTERRUPTED", "stopped");
    using union = new Union(dirs);
    const stopped = writeOut(union, place.join("out"), { link: "copy", signal: AbortSignal.abort(reason) });
    await assert.rejects(stopped, reason);
    assert.ok(!existsSync(place.join("out")));
  });

  it("leaves out what only root can make, with one warning", { skip }, () => {
    using place = scratch("out", 0);
    chmodSync(place.path, 0o777);
    const top = place.dir("top");
    mkdirSync(`${top}/d`, { mode: 0o555 });
    writeFileSync(`${top}/d/f`, "x");
    chmodSync(`${top}/d/f`, 0o444);
    for (const name of ["null", "zero"])
      must(makeNodeAt(AT_FDCWD, byteStringOf(`${top}/${name}`), S_IFCHR | 0o666, 0x103), "mknod");
    linkSync(`${top}/null`, `${top}/null2`);
    const self = fileURLToPath(import.meta.url);
    const { status, stdout, stderr } = spawnSync(...asOrdinaryUser(process.execPath, self, top, place.join("out")), {
      env: { PATH: process.env["PATH"], OVL_WRITE_OUT: "1" },
    });
    assert.equal(status, 0, stderr.toString());
    const { warnings } = JSON.parse(stdout.toString()) as { warnings: { message: string }[] };
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]?.message ?? "", /the owners of 3 files .*3 devices \(the first: \/null\)/);
    assert.deepEqual(readdirSync(place.join("out"), { recursive: true }).sort(), ["d", "d/f"]);
    assert.equal(lstatSync(place.join("out", "d")).mode & 0o7777, 0o555);
    assert.equal(lstatSync(place.join("out", "d", "f")).uid, ORDINARY_USER);
  });
});

if (process.env["OVL_WRITE_OUT"] === "1") {
  const [, , top = "", out = ""] = process.argv;
  process.stdout.write(JSON.stringify(await written([top], out)));
  process.exit();
}
