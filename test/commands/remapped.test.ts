/** A root as `dockerd --userns-remap` leaves it: the ids of layers' files count from those of the mapping's root. */
import assert from "node:assert/strict";
import { chmodSync, chownSync, lchownSync, lstatSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { copyRoot } from "../support/copy-root.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { ORDINARY_USER } from "../support/ordinary-user.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { repoPath } from "../support/repo.js";
import { run } from "../support/run.js";
import { dir, END, file, tar } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

const FIRST = 200_000;
const BELOW = tar(dir("d/", { uid: 7, gid: 8 }), file("d/old", "old"), END);
const ABOVE = tar(dir("d/", { uid: 7, gid: 8 }), file("d/.wh..wh..opq", ""), file("d/new", "new", { uid: 9 }), END);

interface FileRecord {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
}

describe("a root with remapped ids", { skip: oracle("root") }, () => {
  let work: Scratch;
  let root: string;
  before(async () => {
    work = scratch("remapped", 0);
    writeFileSync(work.join("app.tar"), archive(dockerArchive([image({ layers: [BELOW, ABOVE], names: ["app:1"] })])));
    writeFileSync(work.join("new.tar"), archive(dockerArchive([image({ layers: [ABOVE], names: ["new:1"] })])));
    const plain = work.join("plain");
    assert.equal((await ovl(["pull", work.join("app.tar"), "--root", plain])).status, 0);
    assert.equal((await ovl(["create", "--name", "web", "app:1", "--root", plain])).status, 0);
    root = work.join(`${FIRST}.${FIRST}`);
    renameSync(plain, root);
    for (const content of contents(root)) shift(content);
    for (const path of [root, join(root, "overlay2")]) chownSync(path, 0, FIRST);
  });
  after(() => work?.[Symbol.dispose]());

  it("is sound, also by the owners and marks of its layers", async () => {
    const { status, stdout } = await ovl(["fsck", "--deep", "--root", root]);
    assert.equal(status, 0, stdout);
  });

  it("has what has changed in it mended with the owners that it has there", async () => {
    const own = copyRoot(root, work.join("damaged"));
    const changed = contents(own)
      .map((content) => join(content, "d"))
      .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory());
    assert.equal(changed.length, 2);
    for (const path of changed) chownSync(path, 0, 0);
    const { status, stdout } = await ovl(["fsck", "--deep", "--repair", "--root", own]);
    assert.equal(status, 0, stdout);
    for (const path of changed) assert.deepEqual([lstatSync(path).uid, lstatSync(path).gid], [FIRST + 7, FIRST + 8]);
  });

  it("shows and gives files to those that its containers know", async () => {
    const { json } = await ovlJson<{ files: FileRecord[] }>(["files", "app:1", "--root", root]);
    const owners = json.files.map(({ path, uid, gid }) => `${path} ${uid}:${gid}`);
    assert.deepEqual(owners, ["/ 0:0", "/d 7:8", "/d/new 9:0"]);
    await ovl(["export", "app:1", "-o", work.join("export.tar"), "--root", root]);
    const listed = await run("tar", ["tvf", work.join("export.tar"), "--numeric-owner"]);
    assert.match(listed.stdout.toString(), / 7\/8 .* d\/\n.* 9\/0 .* d\/new\n$/);
  });

  it("gets no files, whose owners would be others than its dockerd expects", async () => {
    for (const args of [
      ["pull", work.join("new.tar")],
      ["create", "app:1"],
      ["cp", work.join("new.tar"), "web:/d/"],
      ["commit", "web"],
      ["import", work.join("new.tar")],
    ]) {
      const { status, stderr } = await ovl([...args, "--root", root]);
      assert.equal(status, 4, `${args[0]}: ${stderr}`);
      assert.match(stderr, /is a docker root with remapped user ids \(its root is 200000:200000\).*"docker load"/);
    }
    for (const args of [
      ["pull", work.join("app.tar")],
      ["tag", "app:1", "app:2"],
      ["rmi", "app:2"],
      ["rm", "web"],
    ]) {
      const { status, stderr } = await ovl([...args, "--root", root]);
      assert.equal(status, 0, `${args[0]}: ${stderr}`);
    }
  });
});

describe("a layer that gives its root to somebody", { skip: oracle("root") }, () => {
  const layer = tar(dir("/", { uid: 1000, gid: 1000 }), file("own", "own", { uid: 1000, gid: 1001 }), END);

  for (const [where, first] of [
    ["a root like any other", 0],
    ["a root with remapped ids", FIRST],
  ] as const) {
    it(`is taken for what it is in ${where}`, async () => {
      using work = scratch("owned", 0);
      const root = work.join("root");
      writeFileSync(work.join("own.tar"), archive(dockerArchive([image({ layers: [layer], names: ["own:1"] })])));
      writeFileSync(work.join("app.tar"), archive(dockerArchive([image({ layers: [BELOW], names: ["app:1"] })])));
      assert.equal((await ovl(["pull", work.join("own.tar"), "--root", root])).status, 0);
      if (first > 0) {
        assert.equal((await ovl(["create", "own:1", "--root", root])).status, 0);
        for (const content of contents(root)) {
          shift(content);
          const beside = join(content, "../work");
          if (lstatSync(beside, { throwIfNoEntry: false }) !== undefined) shift(beside);
        }
        chownSync(join(root, "overlay2"), 0, first);
      }
      const { json } = await ovlJson<{ files: FileRecord[] }>(["files", "own:1", "--root", root]);
      const owners = json.files.map(({ path, uid, gid }) => `${path} ${uid}:${gid}`);
      assert.deepEqual(owners, ["/ 1000:1000", "/own 1000:1001"]);
      const { status, stdout } = await ovl(["fsck", "--deep", "--root", root]);
      assert.equal(status, 0, stdout);
      assert.equal((await ovl(["pull", work.join("app.tar"), "--root", root])).status, first > 0 ? 4 : 0);
    });
  }
});

describe("a root of an ordinary user", { skip: oracle("root") }, () => {
  it("is mended by that user, who gives nobody else's ids", async () => {
    using work = scratch("users-root", 0);
    const ovlAsUser = (...args: string[]) => {
      const user = [`--reuid=${ORDINARY_USER}`, `--regid=${ORDINARY_USER}`, "--clear-groups", "--"];
      const reader = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
      return run("setpriv", [...reader, ...user, process.execPath, repoPath("bin/run.js"), ...args]);
    };
    writeFileSync(work.join("app.tar"), archive(dockerArchive([image({ layers: [BELOW, ABOVE], names: ["app:1"] })])));
    chownSync(work.path, ORDINARY_USER, ORDINARY_USER);
    const root = work.join("root");
    assert.equal((await ovlAsUser("pull", work.join("app.tar"), "--root", root)).status, 0);
    for (const content of contents(root)) chmodSync(join(content, "d"), 0o711);
    const { status, stdout, stderr } = await ovlAsUser("fsck", "--deep", "--repair", "--root", root);
    assert.equal(status, 0, `${stdout}${stderr}`);
    assert.match(stdout.toString(), /2 repaired/);
    assert.equal((await ovlAsUser("files", "app:1", "-q", "--root", root)).stdout.toString(), "/\n/d\n/d/new\n");
  });
});

function contents(root: string): string[] {
  const home = join(root, "overlay2");
  return readdirSync(home).flatMap((name) => (name === "l" ? [] : [join(home, name, "diff")]));
}

function shift(path: string): void {
  const { uid, gid } = lstatSync(path);
  lchownSync(path, uid + FIRST, gid + FIRST);
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) shift(join(path, name));
}
