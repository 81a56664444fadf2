import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { lock, tryLock, unlock } from "../../src/sys/lock.js";
import { syncFileSystem } from "../../src/sys/sync.js";
import { scratch } from "../support/tmp.js";

/** Whether another process gets the lock, by flock(1). */
function isFree(path: string, kind: "-s" | "-x"): boolean {
  return spawnSync("flock", ["-n", kind, path, "true"]).status === 0;
}

describe("flock", () => {
  it("lets many share, or one have it alone", () => {
    using place = scratch("lock");
    const path = place.join("f");
    writeFileSync(path, "");
    const [one, two] = [openSync(path, "r"), openSync(path, "r")];
    assert.equal(tryLock(one, "shared", "lock f"), true);
    assert.equal(tryLock(two, "shared", "lock f"), true);
    assert.equal(tryLock(two, "exclusive", "lock f"), false);
    unlock(one, "unlock f");
    lock(two, "exclusive", "lock f");
    assert.equal(tryLock(one, "shared", "lock f"), false);
    assert.deepEqual([isFree(path, "-s"), isFree(path, "-x")], [false, false]);
    closeSync(two);
    assert.equal(isFree(path, "-x"), true);
    closeSync(one);
  });

  it("fails by errno on what is no open file", () => {
    assert.throws(() => tryLock(-1, "shared", "lock nothing"), { code: "IO", message: "cannot lock nothing: EBADF" });
  });
});

describe("sync", () => {
  it("takes directories, and names the one that is missing", () => {
    using place = scratch("sync");
    syncFileSystem(place.path);
    assert.throws(() => syncFileSystem(place.join("missing")), /ENOENT/);
  });
});
