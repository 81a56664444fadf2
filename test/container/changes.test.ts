/** What `docker diff` calls a change, and what it does not. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, linkSync, lutimesSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";
import { changesBetween } from "../../src/container/changes.js";
import { Union } from "../../src/rootfs/union.js";
import { oracle } from "../support/oracles.js";
import { type Scratch, scratch } from "../support/tmp.js";

let place: Scratch;
beforeEach(() => {
  place = scratch("changes", 0);
  for (const name of ["image", "rw"]) place.dir(name);
});
afterEach(() => place[Symbol.dispose]());

const image = (...path: string[]) => place.join("image", ...path);
const rw = (...path: string[]) => place.join("rw", ...path);

async function changes(): Promise<string[]> {
  using before = new Union([image()]);
  using after = new Union([rw(), image()]);
  return (await changesBetween(before, after, undefined)).map(({ kind, path }) => `${kind} ${path}`);
}

function write(path: string, text: string, seconds: number): void {
  writeFileSync(path, text);
  utimesSync(path, seconds, seconds);
}

describe("changes between two file systems", () => {
  it("are none where nothing was written", async () => {
    write(image("file"), "x", 1);
    assert.deepEqual(await changes(), []);
  });

  it("are told of every directory above them, once, and of the root never", async () => {
    mkdirSync(image("a/b"), { recursive: true });
    mkdirSync(rw("a/b"), { recursive: true });
    write(rw("a/b/new"), "", 1);
    write(rw("top"), "", 1);
    assert.deepEqual(await changes(), ["C /a", "C /a/b", "A /a/b/new", "A /top"]);
  });

  it("are sorted by the bytes of the path, not directory by directory", async () => {
    mkdirSync(rw("a"));
    for (const name of ["a/x", "a-b", "a.b"]) write(rw(name), "", 1);
    assert.deepEqual(await changes(), ["A /a", "A /a-b", "A /a.b", "A /a/x"]);
  });

  it("are none in a file that was copied up and is as it was", async () => {
    write(image("file"), "same", 5);
    write(rw("file"), "same", 5);
    assert.deepEqual(await changes(), []);
  });

  it("are seen by size, mode and time, not by content", async () => {
    for (const name of ["content", "size", "mode", "time"]) {
      write(image(name), "aa", 5);
      write(rw(name), name === "content" ? "bb" : name === "size" ? "b" : "aa", name === "time" ? 6 : 5);
    }
    chmodSync(rw("mode"), 0o600);
    assert.deepEqual(await changes(), ["C /mode", "C /size", "C /time"]);
  });

  it("are none where one time is the whole second of the other", async () => {
    write(image("whole"), "x", 5);
    write(rw("whole"), "x", 5.25);
    write(image("parts"), "x", 5.5);
    write(rw("parts"), "x", 5.25);
    assert.deepEqual(await changes(), ["C /parts"]);
  });

  it("do not count a directory's time", async () => {
    for (const dir of [image("dir"), rw("dir")]) mkdirSync(dir);
    utimesSync(rw("dir"), 1, 1);
    assert.deepEqual(await changes(), []);
  });

  it("do not count further names of a file", async () => {
    write(image("file"), "x", 5);
    write(rw("file"), "x", 5);
    linkSync(rw("file"), rw("second"));
    assert.deepEqual(await changes(), ["A /second"]);
  });

  it("tell nothing of what was in a directory that is a file now, and everything of the other way round", async () => {
    mkdirSync(image("dir/inner"), { recursive: true });
    write(rw("dir"), "x", 1);
    write(image("file"), "x", 1);
    mkdirSync(rw("file/inner"), { recursive: true });
    assert.deepEqual(await changes(), ["C /dir", "C /file", "A /file/inner"]);
  });

  it("tell what was in a directory that is a socket now, as docker does", async () => {
    mkdirSync(image("dir/inner/deeper"), { recursive: true });
    const server = createServer().listen(rw("dir"));
    await new Promise((resolve) => server.once("listening", resolve));
    assert.deepEqual(await changes(), ["C /dir", "D /dir/inner"]);
    await new Promise((resolve) => server.close(resolve));
  });

  it("see where a symlink leads by its length and its time", async () => {
    for (const [name, target, seconds] of [
      ["same", "b", 5],
      ["longer", "bbb", 5],
      ["later", "b", 6],
    ] as const) {
      symlinkSync("a", image(name));
      symlinkSync(target, rw(name));
      lutimesSync(image(name), 5, 5);
      lutimesSync(rw(name), seconds, seconds);
    }
    assert.deepEqual(await changes(), ["C /later", "C /longer"]);
  });

  it("tell a deleted directory, not what was in it", { skip: oracle("root") }, async () => {
    mkdirSync(image("dir/inner"), { recursive: true });
    write(image("file"), "", 1);
    for (const name of ["dir", "file"]) execFileSync("mknod", [rw(name), "c", "0", "0"]);
    assert.deepEqual(await changes(), ["D /dir", "D /file"]);
  });

  it("look through opaque directories", { skip: oracle("root", "setfattr") }, async () => {
    for (const dir of [image("dir"), rw("dir")]) {
      mkdirSync(dir);
      write(`${dir}/same`, "x", 5);
    }
    write(image("dir/hidden"), "x", 5);
    mkdirSync(image("dir/emptied"));
    execFileSync("setfattr", ["-n", "trusted.overlay.opaque", "-v", "y", rw("dir")]);
    assert.deepEqual(await changes(), ["C /dir", "D /dir/emptied", "D /dir/hidden"]);
  });

  it("see a file's capabilities", { skip: oracle("root", "setfattr") }, async () => {
    for (const file of [image("file"), rw("file")]) write(file, "x", 5);
    const value = "0x0100000200200000000000000000000000000000";
    execFileSync("setfattr", ["-n", "security.capability", "-v", value, rw("file")]);
    execFileSync("setfattr", ["-n", "user.other", "-v", "x", image("file")]);
    assert.deepEqual(await changes(), ["C /file"]);
  });

  it("against nothing are everything", async () => {
    mkdirSync(rw("dir"));
    write(rw("dir/file"), "", 1);
    using after = new Union([rw()]);
    assert.deepEqual(
      (await changesBetween(null, after, undefined)).map(({ kind, path }) => `${kind} ${path}`),
      ["A /dir", "A /dir/file"],
    );
  });

  it("are found far below what a process may have open", async () => {
    const deep = "d/".repeat(1200);
    for (const dir of [image(deep), rw(deep)]) mkdirSync(dir, { recursive: true });
    write(rw(deep, "new"), "", 1);
    const found = await changes();
    assert.deepEqual([found.length, found.at(-1)], [1201, `A /${deep}new`]);
    rmSync(place.path, { recursive: true });
  });
});
