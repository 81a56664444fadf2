/** Limits that a shell or a service manager sets: the command ends with IO, exit 6, and the root is as before. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { oracle } from "../support/oracles.js";
import { repoPath } from "../support/repo.js";
import { run } from "../support/run.js";
import { CASES, ovlHere } from "./commands.js";
import { World } from "./world.js";

const TITLES = ["pull compressed", "commit", "save docker-archive"];

describe("a process that", { skip: oracle("root", "getfattr", "unshare") }, () => {
  let world: World;
  before(async () => {
    world = await World.make();
  });
  after(() => world?.[Symbol.dispose]());

  async function limited(limit: string, title: string) {
    const argv = CASES.find((known) => known.title === title)?.argv(world.root, world.inputs, world.out) ?? [];
    const before = world.facts();
    const result = await run("prlimit", [limit, process.execPath, repoPath("bin/run.js"), ...argv, "--json"], {
      env: { TMPDIR: world.out },
    });
    if (result.status !== 0) assert.deepEqual(world.facts(), before, `${title}: ${result.stderr}`);
    await ovlHere(["fsck", "-q", "--root", world.root]);
    world.restore();
    return result;
  }

  it("may write no file of more than 8 KiB (EFBIG) takes everything back", async () => {
    for (const title of TITLES) {
      const { status, stdout } = await limited("--fsize=8192", title);
      // A container's own layer is smaller than that.
      if (title === "commit") continue;
      const { error } = JSON.parse(stdout.toString()) as { error: { code: string; errno: string } };
      assert.deepEqual([status, error.code, error.errno], [6, "IO", "EFBIG"], title);
    }
  });

  it("has few file descriptors does its work, or ends in time and leaves nothing", async () => {
    for (const files of [30, 33, 36, 44, 60, 90, 256]) {
      const { status, stderr } = await limited(`--nofile=${files}`, "pull compressed");
      // With too few of them Node itself does not start.
      const isNode = status === 1 && stderr.includes("\nNode.js v");
      assert.ok(isNode || status === 6 || status === 0, `${files} descriptors: status ${status}, ${stderr}`);
      if (files === 256) assert.equal(status, 0);
    }
  });
});
