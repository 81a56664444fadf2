import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { checkRoot } from "../../src/audit/fsck.js";
import { workUnderWay } from "../../src/audit/under-way.js";
import { openStore } from "../../src/store/store.js";
import { tryLock } from "../../src/sys/lock.js";
import { ovl } from "../support/ovl.js";
import { scratch } from "../support/tmp.js";
import { buildRoot } from "./root.js";

describe("beside a running daemon", () => {
  for (const [age, codes] of [
    ["just made", []],
    ["two hours old", ["ORPHAN_LAYER_DIR", "WRITE_SET_LEFT"]],
  ] as const) {
    it(`an orphan shows or not by the work under way: a write-set that is ${age}`, async () => {
      using work = scratch("under-way", 0);
      const root = work.join("root");
      await buildRoot(root);
      const writeSet = join(root, "image/overlay2/layerdb/tmp/write-set-1");
      mkdirSync(writeSet, { recursive: true });
      writeFileSync(join(writeSet, "cache-id"), "2".repeat(64));
      mkdirSync(join(root, "overlay2", "3".repeat(64), "diff"), { recursive: true });
      const then = Date.now() / 1000 - 7200;
      if (codes.length > 0) utimesSync(writeSet, then, then);
      await using store = await openStore({ root, driver: null });
      const { findings, picture } = checkRoot(store, true);
      assert.deepEqual([...new Set(findings.map(({ code }) => code))].sort(), codes);
      assert.equal(workUnderWay(picture), codes.length > 0 ? null : writeSet);
    });
  }

  it("fsck says that it does not judge what nothing refers to while somebody may be at work on it", async () => {
    using work = scratch("under-way", 0);
    const root = work.join("root");
    await buildRoot(root);
    mkdirSync(join(root, "volumes"), { recursive: true });
    // By its lock on this file a daemon is known.
    const daemon = openSync(join(root, "volumes/metadata.db"), "w");
    try {
      assert.ok(tryLock(daemon, "exclusive", "play the daemon"));
      assert.equal((await ovl(["fsck", "--root", root])).stderr, "");
      mkdirSync(join(root, "image/overlay2/layerdb/tmp/write-set-1"), { recursive: true });
      const { status, stderr } = await ovl(["fsck", "--root", root]);
      assert.equal(status, 0);
      assert.match(stderr, /write-set-1 has changed within the last hour.*are not judged/);
    } finally {
      closeSync(daemon);
    }
  });
});
