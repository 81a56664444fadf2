import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, constants, lstatSync, mkdirSync, openSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import type { ByteString } from "../../src/model/bytes.js";
import { AT_FDCWD } from "../../src/sys/at.js";
import { errnoName } from "../../src/sys/errno.js";
import { readFileAt } from "../../src/sys/read-file.js";
import { oracle } from "../support/oracles.js";
import { scratch } from "../support/tmp.js";

const name = (text: string) => text as ByteString;

/** The content as text, else what the kernel calls what is wrong, else what there is instead. */
function read(dir: number, file: string, limit = 1000): string | object {
  const found = readFileAt(dir, name(file), limit);
  if (typeof found === "number") return errnoName(-found);
  return Buffer.isBuffer(found) ? found.toString("latin1") : typeof found === "string" ? found : { ...found };
}

describe("a small file", () => {
  it("is read whole, by its path or in an open directory, up to the limit and not past it", () => {
    using dir = scratch("read");
    writeFileSync(dir.join("empty"), "");
    writeFileSync(dir.join("full"), "x".repeat(1000));
    writeFileSync(dir.join("long"), "x".repeat(1001));
    writeFileSync(dir.join("huge"), Buffer.alloc(300_000, "y"));
    writeFileSync(Buffer.concat([Buffer.from(dir.join("caf")), Buffer.from([0xe9])]), "bytes");
    const fd = openSync(dir.path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      assert.deepEqual(
        ["empty", "full", "long", "none", "caf\xe9"].map((file) => read(fd, file)),
        ["", "x".repeat(1000), { size: 1001 }, "ENOENT", "bytes"],
      );
      assert.equal(read(AT_FDCWD, dir.join("huge"), 300_000), "y".repeat(300_000));
      assert.equal(read(AT_FDCWD, dir.join("full/below")), "ENOTDIR");
    } finally {
      closeSync(fd);
    }
  });

  it("is nothing else: no directory, no device, no FIFO that is waited for, no symlink that is followed", async () => {
    using dir = scratch("read");
    mkdirSync(dir.join("directory"));
    symlinkSync("/etc/passwd", dir.join("symlink"));
    assert.equal(spawnSync("mkfifo", [dir.join("fifo")]).status, 0);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(dir.join("socket"), resolve));
    try {
      assert.deepEqual(
        ["directory", "fifo", "symlink", "socket"].map((file) => read(AT_FDCWD, dir.join(file))),
        ["special", "special", "ELOOP", "ENXIO"],
      );
      assert.equal(read(AT_FDCWD, "/dev/null"), "special");
    } finally {
      server.close();
    }
  });

  it("is not opened where it is a device: one that no driver has is answered like any other", {
    skip: oracle("root"),
  }, () => {
    using dir = scratch("read");
    assert.equal(spawnSync("mknod", [dir.join("device"), "c", "0", "0"]).status, 0);
    assert.equal(read(AT_FDCWD, dir.join("device")), "special");
  });

  it("keeps its time of access", () => {
    using dir = scratch("read");
    writeFileSync(dir.join("file"), "text");
    utimesSync(dir.join("file"), 1_000_000_000, 1_500_000_000);
    assert.equal(read(AT_FDCWD, dir.join("file")), "text");
    assert.equal(lstatSync(dir.join("file")).atimeMs, 1_000_000_000_000);
  });
});
