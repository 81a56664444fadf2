import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { OvlError } from "../../src/errors.js";
import { byteStringOf } from "../../src/model/bytes.js";
import { Union } from "../../src/rootfs/union.js";
import { walk } from "../../src/rootfs/walk.js";
import { AT_FDCWD, close, makeDirectoryAt, makeNodeAt, O_PATH, openAt, S_IFCHR, S_IFREG } from "../../src/sys/at.js";
import { must } from "../../src/sys/errno.js";
import { setXattrAt } from "../../src/sys/xattr.js";
import { oracle } from "../support/oracles.js";
import { diskScratch, type Scratch, scratch } from "../support/tmp.js";
import { contentOf } from "./facts.js";

const root = oracle("root");

/** Layers by name of file and content, topmost first; a name that ends with a slash is a directory. */
function layers(place: Scratch, ...trees: readonly Readonly<Record<string, string>>[]): string[] {
  return trees.map((files, i) => {
    const dir = place.dir(String(i));
    for (const [name, content] of Object.entries(files)) {
      if (name.endsWith("/")) place.dir(String(i), name);
      else {
        place.dir(String(i), name, "..");
        writeFileSync(`${dir}/${name}`, content);
      }
    }
    return dir;
  });
}

function mark(path: string, name: string, value = "y"): void {
  const slash = must(openAt(AT_FDCWD, byteStringOf("/"), O_PATH), "open /");
  must(setXattrAt(slash, byteStringOf(path), byteStringOf(name), Buffer.from(value)), "setxattr");
  close(slash);
}

function whiteout(path: string): void {
  must(makeNodeAt(AT_FDCWD, byteStringOf(path), S_IFCHR, 0), "mknod");
}

function paths(union: Union): string[] {
  return [...walk(union.root)].map(({ path }) => path);
}

function refusal(code: string, pattern: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof OvlError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  };
}

describe("Union", () => {
  it("merges directories in byte order of their names, and serves each file from the topmost layer", () => {
    using place = scratch("union", 0);
    const dirs = layers(place, { "d/b": "top", "d/~": "" }, { "d/b": "below", "d/a": "", "d/B": "", e: "", "d/é": "" });
    using union = new Union(dirs);
    assert.deepEqual(paths(union), ["d", "d/B", "d/a", "d/b", "d/~", byteStringOf("d/é"), "e"]);
    using found = union.locate(byteStringOf("/d/b"), "none");
    assert.equal(found.entry?.layer, 0);
    assert.equal(contentOf(found.directory, found.entry), "top");
    assert.deepEqual(found.directory.layers, [0, 1]);
  });

  it("closes what it opened, its root entered as a directory too", () => {
    using place = scratch("union", 0);
    const dirs = layers(place, { "d/b": "top" }, { "d/a": "" });
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    {
      using union = new Union(dirs);
      using found = union.locate(byteStringOf("/"), "parents");
      assert.ok(found.entry !== null);
      using inner = found.directory.enter(found.entry);
      inner.release();
      assert.deepEqual(
        [...inner.entries()].map(({ name }) => name),
        ["d"],
      );
    }
    assert.equal(open(), before);
  });

  it("shows whiteouts in the view of a single layer only", () => {
    using place = scratch("union", 0);
    const dirs = layers(place, { "d/": "" }, { "d/gone": "x" });
    whiteout(place.join("0", "d", "gone"));
    using merged = new Union(dirs);
    assert.deepEqual(paths(merged), ["d"]);
    using single = new Union([dirs[0] as string], { showsWhiteouts: true });
    assert.deepEqual(
      [...walk(single.root)].map(({ path, entry }) => [path, entry.type]),
      [
        ["d", "directory"],
        ["d/gone", "whiteout"],
      ],
    );
  });

  it("takes user.overlay marks for marks only where it is told to", () => {
    using place = diskScratch("union");
    const dirs = layers(place, { "d/": "" }, { "d/below": "" });
    mark(place.join("0", "d"), "user.overlay.opaque");
    using plain = new Union(dirs);
    using user = new Union(dirs, { userXattrs: true });
    assert.deepEqual([paths(plain), paths(user)], [["d", "d/below"], ["d"]]);
    const names = (union: Union) => [...union.root.xattrs(union.root.get(byteStringOf("d")) as never).keys()];
    assert.deepEqual([names(plain), names(user)], [["user.overlay.opaque"], []]);
  });

  it("says where a directory was renamed by redirect_dir, once", { skip: root }, () => {
    using place = scratch("union", 0);
    const dirs = layers(place, { "new/": "" }, { "old/x": "" });
    mark(place.join("0", "new"), "trusted.overlay.redirect", "old");
    using union = new Union(dirs);
    for (let i = 0; i < 3; i++) assert.deepEqual(paths(union), ["new", "old", "old/x"]);
    assert.deepEqual(
      union.warnings.map(({ code, path }) => [code, path]),
      [["REDIRECT", "/new"]],
    );
  });

  it("gives no content where a layer has only a file's metadata", { skip: root }, () => {
    using place = scratch("union", 0);
    const dirs = layers(place, { f: "\0\0\0" }, { f: "abc" });
    mark(place.join("0", "f"), "trusted.overlay.metacopy", "");
    using union = new Union(dirs);
    const entry = union.root.get(byteStringOf("f"));
    assert.ok(entry !== null);
    assert.throws(() => union.root.open(entry), refusal("BAD_ROOT", /\/f in .* is only metadata/));
  });

  it("names the layer whose directory is missing or is none", () => {
    using place = scratch("union", 0);
    const [dir = ""] = layers(place, { f: "" });
    symlinkSync(dir, place.join("link"));
    const before = openFiles();
    assert.throws(
      () => new Union([dir, place.join("gone")]),
      refusal("BAD_ROOT", /gone, the content of a layer, is missing/),
    );
    assert.throws(
      () => new Union([dir, place.join("link")]),
      refusal("BAD_ROOT", /link, the content of a layer, is no dir/),
    );
    assert.throws(() => new Union([]), refusal("NOT_FOUND", /without layers/));
    assert.equal(openFiles(), before);
  });

  it("opens no FIFO, socket or device, whatever is asked of it", () => {
    using place = scratch("union", 0);
    const dirs = layers(place, {}, {});
    assert.equal(spawnSync("mkfifo", [place.join("0", "pipe")]).status, 0);
    using union = new Union(dirs);
    const entry = union.root.get(byteStringOf("pipe"));
    assert.ok(entry !== null);
    assert.deepEqual([...union.root.xattrs(entry)], []);
    // A FIFO that is opened would block for ever here.
    assert.throws(() => union.root.open(entry), refusal("IO", /no file any more/));
  });

  it("leaves the access times of what it reads as they are", () => {
    using place = diskScratch("union");
    const dirs = layers(place, { "d/f": "x" }, { "d/g": "y" });
    // Older than the change: relatime would move these.
    for (const name of ["0/d/f", "1/d/g", "0/d", "1/d", "0", "1"]) utimesSync(place.join(name), 1000, 2000);
    using union = new Union(dirs);
    for (const { entry, directory } of walk(union.root)) if (entry.type === "file") contentOf(directory, entry);
    const times = ["0", "0/d", "0/d/f", "1", "1/d", "1/d/g"].map((name) => statSync(place.join(name)).atimeMs);
    assert.deepEqual(times, Array(6).fill(1_000_000));
  });

  it("keeps few files open, however deep and however long the paths, and none when it is done", () => {
    using place = scratch("union", 0);
    const depth = 700;
    const dirs = layers(place, {}, {}, {});
    for (const dir of dirs) makeDeep(dir, depth);
    const before = openFiles();
    let most = 0;
    let deepest = 0;
    {
      using union = new Union(dirs);
      let count = 0;
      for (const { path } of walk(union.root)) {
        deepest = Math.max(deepest, path.length);
        if (count++ % 50 === 0) most = Math.max(most, openFiles() - before);
      }
      assert.equal(count, 2 * depth);
    }
    assert.ok(deepest > 4096, `${deepest} bytes`);
    assert.ok(most < 600, `${most} files open`);
    assert.equal(openFiles(), before);
  });

  it("closes everything when a walk is given up", () => {
    using place = scratch("union", 0);
    const dirs = layers(place, { "a/b/c/d": "" }, { "a/b/e": "" });
    using union = new Union(dirs);
    const before = openFiles();
    for (const { path } of walk(union.root)) if (path === "a/b/c") break;
    assert.equal(openFiles(), before);
  });

  it("passes over what is removed while it walks", () => {
    using place = scratch("union", 0);
    const dirs = layers(place, { a: "", b: "", c: "" }, {});
    using union = new Union(dirs);
    const seen: string[] = [];
    for (const { path } of walk(union.root)) {
      seen.push(path);
      if (path === "a") spawnSync("rm", [place.join("0", "b")]);
    }
    assert.deepEqual(seen, ["a", "c"]);
  });
});

describe("locate", () => {
  it("finds what is missing, and what is in the way", () => {
    using place = scratch("union", 0);
    const dirs = layers(place, { "d/f": "", link: "" }, { "d/e/": "" });
    using union = new Union(dirs);
    const told = (path: string) => {
      using found = union.locate(byteStringOf(path), "parents");
      const { entry, directory, missing, obstacle } = found;
      return [found.path, entry?.name ?? null, directory.path, missing, obstacle?.name ?? null];
    };
    assert.deepEqual(told("/"), ["", ".", "", [], null]);
    assert.deepEqual(told("d/f"), ["d/f", "f", "d", [], null]);
    assert.deepEqual(told("/d/x/y/"), ["d/x/y", null, "d", ["x", "y"], null]);
    assert.deepEqual(told("d/f/y"), ["d/f/y", null, "d", ["f", "y"], "f"]);
    assert.deepEqual(told("d/f/"), ["d/f", null, "d", ["f"], "f"]);
  });

  it("follows symlinks as it is told, and stays inside", () => {
    using place = scratch("union", 0);
    const dirs = layers(place, { "d/f": "" }, { "e/": "" });
    symlinkSync("../../../../d", place.join("0", "up"));
    symlinkSync("/up/f", place.join("1", "e", "abs"));
    symlinkSync("loop", place.join("1", "loop"));
    using union = new Union(dirs);
    const told = (path: string, symlinks: "none" | "parents" | "all") => {
      using found = union.locate(byteStringOf(path), symlinks);
      return found.entry === null ? null : `${found.path} ${found.entry.type}`;
    };
    assert.equal(told("up/f", "none"), null);
    assert.equal(told("up/f", "parents"), "d/f file");
    assert.equal(told("up", "parents"), "up symlink");
    assert.equal(told("up/", "parents"), "d directory");
    assert.equal(told("e/abs", "parents"), "e/abs symlink");
    assert.equal(told("e/abs", "all"), "d/f file");
    assert.equal(told("up/../e", "none"), "e directory");
    for (const path of ["loop/x", "/loop/x"]) {
      assert.throws(
        () => told(path, "parents"),
        refusal("NOT_FOUND", /^\/loop\/x leads through more than 40 symlinks/),
      );
    }
  });

  it("closes what it opened", () => {
    using place = scratch("union", 0);
    const dirs = layers(place, { "a/b/c/d": "" }, { "a/b/c/e": "" });
    using union = new Union(dirs);
    const before = openFiles();
    for (const path of ["a/b/c/d", "a/b/../b/c", "a/b/x/y", "a/b/c/d/e", "/"]) {
      using _ = union.locate(byteStringOf(path), "all");
    }
    assert.equal(openFiles(), before);
  });
});

function openFiles(): number {
  return readdirSync("/proc/self/fd").length;
}

/** A file and a directory in each directory; together they have a path that the kernel does not take. */
function makeDeep(dir: string, depth: number): void {
  const [file, directory] = [byteStringOf("file"), byteStringOf("directory")];
  let at = must(openAt(AT_FDCWD, byteStringOf(dir), O_PATH), "open");
  for (let i = 0; i < depth; i++) {
    must(makeNodeAt(at, file, S_IFREG | 0o600, 0), "mknod");
    must(makeDirectoryAt(at, directory, 0o700), "mkdir");
    const inner = must(openAt(at, directory, O_PATH), "open");
    close(at);
    at = inner;
  }
  close(at);
}
