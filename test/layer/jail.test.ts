import assert from "node:assert/strict";
import {
  constants,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { describe, it } from "node:test";
import { Jail } from "../../src/layer/jail.js";
import type { ByteString } from "../../src/model/bytes.js";
import { close, O_PATH } from "../../src/sys/at.js";
import { ELOOP, ENOENT, ENOTDIR } from "../../src/sys/errno.js";
import { scratch } from "../support/tmp.js";

const path = (text: string) => text as ByteString;
/** What an fd is open on. */
const target = (fd: number) => readlinkSync(`/proc/self/fd/${fd}`);
const openFiles = () => readdirSync("/proc/self/fd").length;

describe("a jail", () => {
  it("finds directories below it, and itself by the empty path", () => {
    using place = scratch("jail");
    place.dir("in", "a", "b");
    using jail = new Jail(place.join("in"));
    assert.equal(target(jail.directory(path(""))), place.join("in"));
    assert.equal(target(jail.directory(path("a/b"))), place.join("in/a/b"));
    assert.equal(jail.directory(path("a/missing")), -ENOENT);
    writeFileSync(place.join("in/f"), "");
    assert.equal(jail.directory(path("f")), -ENOTDIR);
  });

  it("takes absolute symlinks and .. as after chroot, and tells of them", () => {
    using place = scratch("jail");
    place.dir("in", "d", "e");
    place.dir("out");
    symlinkSync("/d", place.join("in/abs"));
    symlinkSync("../../../../d", place.join("in/climbs"));
    symlinkSync("../d/e", place.join("in/d/stays"));
    symlinkSync(place.join("out"), place.join("in/out"));
    symlinkSync("loop", place.join("in/loop"));
    const escapes: string[] = [];
    using jail = new Jail(place.join("in"), (from) => escapes.push(from));
    assert.equal(target(jail.directory(path("d/stays"))), place.join("in/d/e"));
    assert.deepEqual(escapes, []);
    assert.equal(target(jail.directory(path("abs/e"))), place.join("in/d/e"));
    assert.equal(target(jail.directory(path("climbs"))), place.join("in/d"));
    assert.equal(jail.directory(path("out")), -ENOENT);
    assert.deepEqual(escapes, ["abs/e", "climbs", "out"]);
    assert.equal(jail.directory(path("loop")), -ELOOP);
  });

  it("opens a symlink itself where it is told not to follow", () => {
    using place = scratch("jail");
    symlinkSync("/etc/passwd", place.join("s"));
    using jail = new Jail(place.path);
    const fd = jail.open(path("s"), O_PATH | constants.O_NOFOLLOW);
    assert.equal(target(fd), place.join("s"));
    close(fd);
  });

  it("remembers directories until it is told that something was removed", () => {
    using place = scratch("jail");
    place.dir("a", "b");
    place.dir("c", "b");
    using jail = new Jail(place.path);
    const before = jail.directory(path("a/b"));
    assert.equal(jail.directory(path("a/b")), before);
    rmSync(place.join("a"), { recursive: true });
    symlinkSync("c", place.join("a"));
    jail.forget();
    assert.equal(target(jail.directory(path("a/b"))), place.join("c/b"));
  });

  it("holds few directories open, the latest used among them, and none in the end", () => {
    using place = scratch("jail");
    const names = Array.from({ length: 100 }, (_, i) => `d${i}`);
    for (const name of names) mkdirSync(place.join(name));
    const before = openFiles();
    {
      using jail = new Jail(place.path);
      const first = jail.directory(path("d0"));
      for (const name of names) {
        assert.equal(target(jail.directory(path(name))), place.join(name));
        assert.equal(jail.directory(path("d0")), first);
      }
      assert.ok(openFiles() <= before + 17);
    }
    assert.equal(openFiles(), before);
  });

  it("is the directory that it was opened on, wherever that goes", () => {
    using place = scratch("jail");
    place.dir("in", "a");
    using jail = new Jail(place.join("in"));
    renameSync(place.join("in"), place.join("moved"));
    assert.equal(target(jail.directory(path("a"))), place.join("moved/a"));
  });

  it("says which directory it could not open", () => {
    using place = scratch("jail");
    assert.throws(() => new Jail(place.join("missing")), {
      code: "IO",
      message: `cannot open ${place.join("missing")}: ENOENT`,
    });
  });
});
