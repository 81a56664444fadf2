import assert from "node:assert/strict";
import { chmodSync, existsSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { makeDirectories } from "../../src/sys/make-directories.js";
import { scratch } from "../support/tmp.js";

const modeOf = (path: string) => statSync(path).mode & 0o7777;

describe("a directory and those above it", () => {
  it("are made with the mode that was asked for, less the umask", () => {
    using dir = scratch("mkdir", 0);
    const before = process.umask(0o027);
    try {
      makeDirectories(dir.join("a/b/c"), 0o777);
      makeDirectories(dir.join("a/b/private"), 0o700);
    } finally {
      process.umask(before);
    }
    for (const name of ["a", "a/b", "a/b/c"]) assert.equal(modeOf(dir.join(name)), 0o750, name);
    assert.equal(modeOf(dir.join("a/b/private")), 0o700);
  });

  it("stay as they are where they are there, also behind a link", () => {
    using dir = scratch("mkdir", 0);
    chmodSync(dir.dir("there"), 0o711);
    symlinkSync("there", dir.join("link"));
    for (const name of ["there", "link", "link/x/../y"]) makeDirectories(dir.join(name), 0o700);
    assert.equal(modeOf(dir.join("there")), 0o711);
    assert.ok(existsSync(dir.join("there/y")));
    makeDirectories("/", 0o700);
    makeDirectories(".", 0o700);
  });

  it("are refused in the kernel's words where something above them takes none", () => {
    using dir = scratch("mkdir", 0);
    writeFileSync(dir.join("file"), "");
    symlinkSync("nowhere", dir.join("dangling"));
    for (const [path, errno, refused] of [
      ["/proc/ovl/x/y", "ENOENT", "/proc/ovl"],
      [dir.join("file/x"), "ENOTDIR", dir.join("file/x")],
      [dir.join("file"), "EEXIST", dir.join("file")],
      [dir.join("dangling/x"), "EEXIST", dir.join("dangling")],
    ] as const) {
      assert.throws(() => makeDirectories(path, 0o700), {
        code: "IO",
        message: `cannot mkdir ${refused}: ${errno}`,
        exit: 6,
      });
    }
  });
});
