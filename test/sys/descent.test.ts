/** Trees of directories, gone through and removed with one directory open at a time. */
import assert from "node:assert/strict";
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { describe, it } from "node:test";
import { sizeOfTree } from "../../src/layer/apply-size.js";
import { type ByteString, byteStringOf } from "../../src/model/bytes.js";
import { AT_FDCWD, close, makeDirectoryAt, openAt } from "../../src/sys/at.js";
import { Descent } from "../../src/sys/descent.js";
import { EBUSY, ENOTDIR, ESTALE, must } from "../../src/sys/errno.js";
import { MNT_DETACH, mount, unmount } from "../../src/sys/mount.js";
import { removeTree } from "../../src/sys/remove-tree.js";
import { statAt } from "../../src/sys/stat.js";
import { oracle } from "../support/oracles.js";
import { scratch } from "../support/tmp.js";

const LIST = constants.O_RDONLY | constants.O_DIRECTORY;

/** As many directories in each other, a file in every one of them. */
function makeDeep(top: number, levels: number): void {
  const name = "d" as ByteString;
  let at = top;
  for (let i = 0; i < levels; i++) {
    must(makeDirectoryAt(at, name, 0o755), "make a directory");
    const inner = must(openAt(at, name, LIST), "open it");
    if (at !== top) close(at);
    at = inner;
    close(must(openAt(at, "f" as ByteString, constants.O_CREAT | constants.O_WRONLY, 0o644), "make a file"));
  }
  close(at);
}

/** The most descriptors above those that were open before. */
function descriptorsOf(work: (look: () => void) => void): number {
  const count = () => readdirSync("/proc/self/fd").length;
  const before = count();
  let most = 0;
  work(() => {
    most = Math.max(most, count() - before);
  });
  assert.equal(count(), before, "all are closed again");
  return most;
}

describe("a tree of directories", () => {
  it("is gone through with one of them open at a time, however deep it is", () => {
    using work = scratch("descent", 0);
    const top = openSync(work.path, LIST);
    makeDeep(top, 3000);
    assert.ok(descriptorsOf((look) => void sizeOfTree(top, look)) <= 2);
    assert.equal(removeTree(top, "d" as ByteString), null);
    assert.deepEqual(readdirSync(work.path), []);
    closeSync(top);
  });

  it("is not left by a symlink, nor by a directory that was moved meanwhile", () => {
    using work = scratch("descent", 0);
    mkdirSync(work.join("a/b"), { recursive: true });
    mkdirSync(work.join("elsewhere"));
    symlinkSync("b", work.join("a/link"));
    using place = new Descent(AT_FDCWD);
    assert.equal(place.down(byteStringOf(work.join("a"))), 0);
    assert.equal(place.down("link" as ByteString), -ENOTDIR);
    assert.equal(place.down("b" as ByteString), 0);
    renameSync(work.join("a/b"), work.join("elsewhere/b"));
    assert.equal(place.up(), -ESTALE);
    renameSync(work.join("elsewhere/b"), work.join("a/b"));
    assert.deepEqual([place.up(), place.depth], [0, 1]);
    assert.notEqual(typeof statAt(place.fd, "b" as ByteString), "number");
  });

  it("says what in it could not be removed", { skip: oracle("root") }, () => {
    using work = scratch("descent", 0);
    mkdirSync(work.join("tree/d/d/mounted"), { recursive: true });
    writeFileSync(work.join("tree/d/d/file"), "x");
    const [type, target] = [byteStringOf("tmpfs"), byteStringOf(work.join("tree/d/d/mounted"))];
    must(mount(type, target, type, 0, byteStringOf("size=64k")), "mount");
    try {
      const top = openSync(work.path, LIST);
      assert.deepEqual(removeTree(top, "tree" as ByteString), { errno: EBUSY, path: "tree/d/d/mounted" });
      closeSync(top);
    } finally {
      must(unmount(target, MNT_DETACH), "unmount");
    }
  });
});
