/** Root as containers have it, without CAP_SYS_ADMIN: it can neither set nor see `trusted.*`. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { ovl } from "../support/ovl.js";
import { repoPath } from "../support/repo.js";
import { run } from "../support/run.js";
import { dir, END, file, tar } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

const BELOW = tar(dir("d/"), file("d/old", "old", { mode: 0o100000, uid: 7 }), END);
const ABOVE = tar(dir("d/"), file("d/.wh..wh..opq", ""), file("d/new", "new"), END);

describe("root without CAP_SYS_ADMIN", { skip: oracle("root") }, () => {
  let work: Scratch;
  let root: string;
  before(async () => {
    work = scratch("lesser-root");
    root = work.join("root");
    const app = image({ layers: [BELOW, ABOVE], names: ["app:1"] });
    writeFileSync(work.join("app.tar"), archive(dockerArchive([app])));
    assert.equal((await lesser("pull", work.join("app.tar"), "--root", root)).status, 0);
  });
  after(() => work?.[Symbol.dispose]());

  const lesser = (...args: string[]) =>
    run("setpriv", [
      "--bounding-set=-sys_admin",
      "--inh-caps=-sys_admin",
      process.execPath,
      repoPath("bin/run.js"),
      ...args,
    ]);

  it("has hidden in what it pulled what an opaque directory hides", async () => {
    const { stdout, stderr } = await lesser("files", "app:1", "-q", "--root", root);
    assert.equal(stdout.toString(), "/\n/d\n/d/new\n", stderr);
    const fsck = await lesser("fsck", "--deep", "--root", root);
    assert.equal(fsck.status, 0, fsck.stdout.toString());
  });

  it("has it hidden in containers and what is committed of them", async () => {
    const own = work.join("own");
    await run("cp", ["-a", root, own]);
    for (const args of [
      ["create", "--name", "web", "app:1"],
      ["cp", work.join("app.tar"), "web:/d/"],
      ["commit", "web", "app:2"],
    ]) {
      const { status, stderr } = await lesser(...args, "--root", own);
      assert.equal(status, 0, stderr);
    }
    const { stdout } = await lesser("files", "app:2", "/d", "-q", "--root", own);
    assert.equal(stdout.toString(), "/d\n/d/app.tar\n/d/new\n");
    assert.match((await lesser("diff", "web", "--root", own)).stdout.toString(), /^C \/d\nA \/d\/app\.tar\n$/);
  });

  it("is told that it cannot see what is hidden in a root of the machine's root", async () => {
    const full = work.join("full");
    assert.equal((await ovl(["pull", work.join("app.tar"), "--root", full])).status, 0);
    const { stderr } = await lesser("files", "app:1", "-q", "--root", full);
    assert.match(stderr, /^ovl: warning: the layers in .*\/full\/overlay2 are root's, .*CAP_SYS_ADMIN.* may show/);
    const fsck = await lesser("fsck", "--deep", "--root", full);
    assert.equal(fsck.status, 0, fsck.stdout.toString());
  });
});
