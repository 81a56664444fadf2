/**
 * Every command that only reads leaves a root as it was: names, content, owners, modes and times, those of access as
 * far as the kernel lets them be kept. It answers the same on a read-only mount, and to a user who owns nothing.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { damageRoot } from "../audit/damage-root.js";
import { pathsIn } from "../audit/mutate.js";
import { oracle } from "../support/oracles.js";
import { asOrdinaryUser } from "../support/ordinary-user.js";
import { repoPath } from "../support/repo.js";
import { run } from "../support/run.js";
import { type Scratch, scratch } from "../support/tmp.js";

/** Commands that change a root, a registry or the user's credentials: of these only what merely reads is run. */
const WRITING = ["commit", "create", "import", "load", "login", "logout", "pull", "push", "tag", "umount"];

/** `OUT` is a path outside of the root, another for each. */
const READING: Readonly<Record<string, readonly (readonly string[])[]>> = {
  chain: [["app:1"], ["app:1", "--lowerdir"], ["app:1", "--dirs"]],
  cp: [["web:/written", "OUT"]],
  diff: [["web"], ["app:1", "whole:1"]],
  du: [[], ["--metadata"]],
  export: [["web", "-o", "OUT"]],
  files: [["web"], ["app:1", "--ndjson"], ["app:1", "--layer", "0"]],
  fsck: [[], ["--deep"], ["--repair", "--dry-run"]],
  history: [["app:1"]],
  id: [["app:1"]],
  images: [["-a", "--digests"]],
  info: [[]],
  inspect: [["web", "app:1"]],
  mount: [[]],
  owner: [["web"], ["app:1"]],
  prune: [["-a", "--dry-run"]],
  ps: [["-a"]],
  rm: [["web", "--dry-run"]],
  rmi: [["other:1", "--dry-run"]],
  rootfs: [["web", "OUT"]],
  save: [
    ["app:1", "-o", "OUT"],
    ["app:1", "other:1", "--format", "oci", "-o", "OUT"],
  ],
  timeline: [["--all"], ["web", "--bodyfile"], ["app:1"]],
  verify: [["--all"]],
  waste: [["app:1"]],
  which: [
    ["web", "/d/kept"],
    ["app:1", "/d/gone"],
  ],
};

/** What nothing may change, object by object. No directory is listed for it: that is a read itself. */
function traces(root: string, paths: readonly string[], access: boolean): string[] {
  return paths.map((path) => {
    const stat = lstatSync(join(root, path), { bigint: true });
    const { ino, mode, uid, gid, nlink, size, mtimeNs, ctimeNs } = stat;
    // readlink(2) has nothing like O_NOATIME.
    const atime = access && !stat.isSymbolicLink() ? stat.atimeNs : "";
    return [path, ino, mode, uid, gid, nlink, size, mtimeNs, ctimeNs, atime].join(" ");
  });
}

function expectSame(found: readonly string[], before: readonly string[], args: readonly string[]): void {
  assert.deepEqual(
    found.filter((line, i) => line !== before[i]),
    [],
    args.join(" "),
  );
}

function contents(root: string): string {
  const hash = createHash("sha256");
  for (const path of pathsIn(root)) {
    hash.update(path);
    if (!lstatSync(join(root, path)).isFile()) continue;
    const fd = openSync(join(root, path), constants.O_RDONLY | constants.O_NOATIME);
    hash.update(readFileSync(fd));
    closeSync(fd);
  }
  return hash.digest("hex");
}

describe("a command that only reads", { skip: oracle("root") }, () => {
  let work: Scratch;
  let root: string;
  let paths: readonly string[];
  let outputs = 0;
  /** What each said on stdout, by its arguments. */
  const said = new Map<string, string>();

  before(async () => {
    work = scratch("reading", 0);
    root = work.join("root");
    await damageRoot(root, work);
    // What is beside images on a machine: the file that tells of a daemon, and BuildKit's.
    for (const [dir, file] of [
      ["volumes", "metadata.db"],
      ["buildkit", "snapshots.db"],
    ] as const) {
      mkdirSync(join(root, dir), { recursive: true });
      writeFileSync(join(root, dir, file), "");
    }
    paths = ["", ...pathsIn(root)];
  });
  after(() => work?.[Symbol.dispose]());

  const commands = () => Object.entries(READING).flatMap(([name, all]) => all.map((args) => [name, ...args]));
  const oneOfEach = () => Object.entries(READING).map(([name, [args = []]]) => [name, ...args]);

  async function ask(args: readonly string[], where: string, command: (argv: string[]) => [string, string[]]) {
    const out = join(work.dir(`out-${basename(where)}`), String(outputs++));
    const argv = [repoPath("bin/run.js"), ...args.map((arg) => (arg === "OUT" ? out : arg)), "--root", where];
    const [program, given] = command(argv);
    const { status, stdout, stderr } = await run(program, given);
    assert.equal(status, 0, `${args.join(" ")}: ${stderr}`);
    const text = stdout.toString("utf8").replaceAll(where, "ROOT").replaceAll(out, "OUT");
    // A column is as wide as what is in it.
    const timeless = text.replaceAll(/(?:\d+|About an?|Less than a) \w+ ago/g, "AGO").replaceAll(/ {2,}/g, "  ");
    return { stdout: timeless, stderr };
  }

  it("is every one that is not known to write", () => {
    const names = readdirSync(repoPath("src/commands")).map((file) => basename(file, ".ts"));
    assert.deepEqual([...Object.keys(READING), ...WRITING].sort(), names.sort());
  });

  it("leaves everything as it was, to the time of access", async () => {
    const content = contents(root);
    // So long ago that whatever is read without care gets a new time.
    const { status } = spawnSync("find", [root, "-depth", "-exec", "touch", "-h", "-a", "-d", "@946684800", "{}", "+"]);
    assert.equal(status, 0);
    for (const args of commands()) {
      const before = traces(root, paths, true);
      const { stdout } = await ask(args, root, (argv) => [process.execPath, argv]);
      said.set(args.join(" "), stdout);
      expectSame(traces(root, paths, true), before, args);
    }
    assert.equal(contents(root), content);
    assert.deepEqual(["", ...pathsIn(root)], paths);
  });

  it("answers the same on a read-only mount", async () => {
    const mount = work.dir("mount");
    assert.equal((await run("mount", ["--bind", root, mount])).status, 0);
    try {
      assert.equal((await run("mount", ["-o", "remount,bind,ro", mount])).status, 0);
      for (const args of oneOfEach()) {
        const { stdout } = await ask(args, mount, (argv) => [process.execPath, argv]);
        assert.equal(stdout, said.get(args.join(" ")), args.join(" "));
      }
    } finally {
      await run("umount", [mount]);
    }
  });

  it("answers a user who owns nothing, and leaves no trace but times of access", async () => {
    spawnSync("chmod", ["a+rx", work.path]);
    spawnSync("chmod", ["a+rwx", work.dir("out-root")]);
    const before = traces(root, paths, false);
    for (const args of oneOfEach()) {
      const { stdout, stderr } = await ask(args, root, (argv) => asOrdinaryUser(process.execPath, ...argv));
      // Which directories hide others is written in attributes that only root may read.
      if (!stderr.includes("run ovl as root")) assert.equal(stdout, said.get(args.join(" ")), args.join(" "));
      expectSame(traces(root, paths, false), before, args);
    }
  });
});
