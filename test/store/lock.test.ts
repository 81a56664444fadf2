import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { OvlError } from "../../src/errors.js";
import { openStore } from "../../src/store/store.js";
import { tryLock } from "../../src/sys/lock.js";
import { scratch } from "../support/tmp.js";

const open = (root: string, options: { force?: boolean; signal?: AbortSignal } = {}) =>
  openStore({ root, driver: null, ...options }, "write");

let before: string | undefined;
beforeEach(() => {
  before = process.env["OVL_LOCK_TIMEOUT"];
  process.env["OVL_LOCK_TIMEOUT"] = "0.2";
});
afterEach(() => {
  if (before === undefined) delete process.env["OVL_LOCK_TIMEOUT"];
  else process.env["OVL_LOCK_TIMEOUT"] = before;
});

test("one writer keeps another out for as long as it lasts, and leaves no file", async () => {
  using work = scratch("lock", 0);
  const first = await open(work.join("root"));
  await assert.rejects(open(work.join("root")), {
    code: "LOCKED",
    exit: 5,
    message: new RegExp(`process ${process.pid}`),
  });
  await using reader = await openStore({ root: work.join("root"), driver: null });
  assert.equal(reader.kind, "docker");
  const waiting = (process.env["OVL_LOCK_TIMEOUT"] = "30") && open(work.join("root"));
  await first[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
  await (await waiting)[Symbol.asyncDispose]();
  assert.deepEqual(readdirSync(work.join("root")).sort(), ["image", "overlay2"]);
});

test("a signal ends the wait with an error of ovl, whatever its reason", async () => {
  using work = scratch("lock", 0);
  process.env["OVL_LOCK_TIMEOUT"] = "30";
  await using _first = await open(work.join("root"));
  const reasons = [undefined, new Error("enough"), new OvlError("TERMINATED", "stopped by SIGTERM")];
  for (const [index, code] of ["INTERRUPTED", "INTERRUPTED", "TERMINATED"].entries()) {
    const abort = new AbortController();
    const waiting = open(work.join("root"), { signal: abort.signal });
    abort.abort(reasons[index]);
    await assert.rejects(waiting, { name: "OvlError", code });
  }
});

test("a root that a daemon holds is refused, and taken with --force", async () => {
  using work = scratch("lock", 0);
  await (await open(work.join("root")))[Symbol.asyncDispose]();
  mkdirSync(work.join("root", "volumes"));
  writeFileSync(work.join("root", "volumes", "metadata.db"), "");
  // In another process, as a daemon is.
  const daemon = spawn("flock", ["-x", work.join("root", "volumes", "metadata.db"), "sh", "-c", "echo; read line"]);
  await once(daemon.stdout, "data");
  await assert.rejects(open(work.join("root")), { code: "DAEMON_RUNNING", exit: 5 });
  {
    await using forced = await open(work.join("root"), { force: true });
    assert.equal(forced.daemonRunning, true);
    await using reader = await openStore({ root: work.join("root"), driver: null });
    assert.equal(reader.daemonRunning, true);
  }
  daemon.stdin.end();
  await once(daemon, "exit");
  await using store = await open(work.join("root"));
  assert.equal(store.daemonRunning, false, "the lock is ours");
  await using reader = await openStore({ root: work.join("root"), driver: null });
  assert.deepEqual([reader.daemonRunning, reader.isBeingWritten], [false, true], "the lock is another ovl's");
  const starting = openSync(join(store.root, "volumes", "metadata.db"), "r+");
  assert.equal(tryLock(starting, "exclusive", "lock"), false, "no dockerd starts while ovl writes");
  closeSync(starting);
});

test("a reader who looks whether anybody writes, or whether a daemon runs, keeps no writer out", async () => {
  using work = scratch("lock", 0);
  process.env["OVL_LOCK_TIMEOUT"] = "0";
  await (await open(work.join("root")))[Symbol.asyncDispose]();
  mkdirSync(work.join("root", "volumes"));
  writeFileSync(work.join("root", "volumes", "metadata.db"), "");
  for (const path of [work.join("root"), work.join("root", "volumes", "metadata.db")]) {
    const reader = openSync(path, "r");
    assert.ok(tryLock(reader, "shared", "look"));
    const writer = open(work.join("root"));
    setImmediate(() => closeSync(reader));
    await (await writer)[Symbol.asyncDispose]();
  }
});

test("a timeout that is no number is refused", async () => {
  using work = scratch("lock", 0);
  process.env["OVL_LOCK_TIMEOUT"] = "soon";
  await assert.rejects(open(work.join("root")), { code: "USAGE" });
});
