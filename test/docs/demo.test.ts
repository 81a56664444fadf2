import assert from "node:assert/strict";
import { chmodSync, readdirSync } from "node:fs";
import { it } from "node:test";
import { oracle } from "../support/oracles.js";
import { asOrdinaryUser } from "../support/ordinary-user.js";
import { repoPath } from "../support/repo.js";
import { run } from "../support/run.js";
import { scratch } from "../support/tmp.js";

const demo = repoPath("testdata/demo.js");

it("the demo runs to its end and leaves nothing behind", async () => {
  using dir = scratch("demo", 0);
  const { status, stdout, stderr } = await run(process.execPath, [demo], { env: { TMPDIR: dir.path } });
  assert.equal(status, 0, stderr);
  assert.match(stdout.toString(), /^ok hello:1\.0 sha256:/m);
  assert.match(stdout.toString(), /motd {2}whiteout: char device 0:0$/m);
  assert.deepEqual(readdirSync(dir.path), []);
});

it("the demo runs for an ordinary user", { skip: oracle("root") }, async () => {
  using dir = scratch("demo", 0);
  chmodSync(dir.path, 0o777);
  const env = { TMPDIR: dir.path, HOME: dir.path };
  const { status, stdout, stderr } = await run(...asOrdinaryUser(process.execPath, demo), { env });
  assert.equal(status, 0, stderr);
  assert.match(stdout.toString(), /^ok hello:1\.0 sha256:/m);
  assert.match(stderr, /left out, since only root can do that/);
});
