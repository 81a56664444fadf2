/**
 * A root that another ovl has locked, or that a live dockerd holds: every command that writes is refused before it
 * changes anything, every other one answers at once.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { asOvlError, type ErrorCode, type OvlError } from "../../src/errors.js";
import { openStore } from "../../src/store/store.js";
import { tagImage } from "../../src/store/tag.js";
import { startDockerd } from "../support/dockerd.js";
import { oracle } from "../support/oracles.js";
import { ovl } from "../support/ovl.js";
import { repoPath } from "../support/repo.js";
import { run, runOk } from "../support/run.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { readTree } from "../support/tree.js";
import { type Inputs, makeInputs, makeRoot, ovlHere } from "./commands.js";

/**
 * Each command that writes to a root, in each of the ways in which it does. Without `--force`, which says that a daemon
 * is not to matter.
 */
const WRITING: Readonly<Record<string, (inputs: Inputs) => readonly (readonly string[])[]>> = {
  commit: () => [["box", "kept:1"]],
  cp: ({ tree }) => [[tree, "box:/srv"]],
  create: () => [["app:1"]],
  fsck: () => [["--repair"]],
  import: ({ rootfs }) => [[rootfs, "flat:1"]],
  load: ({ docker }) => [["-i", docker]],
  mount: () => [["box"]],
  prune: () => [[], ["-a"]],
  pull: ({ docker, oci }) => [[docker], [oci]],
  rm: () => [["box"]],
  rmi: () => [["app:latest"]],
  tag: () => [["app:1", "more:1"]],
  umount: () => [["mounted"]],
};

/** Every other command; `OUT` is a path outside of the root. */
const READING: Readonly<Record<string, readonly (readonly string[])[]>> = {
  chain: [["app:1"]],
  cp: [["box:/etc/mine", "OUT"]],
  diff: [["box"]],
  du: [[]],
  export: [["box", "-o", "OUT"]],
  files: [["box"]],
  fsck: [[], ["--repair", "--dry-run"]],
  history: [["app:1"]],
  id: [["app:1"]],
  images: [[]],
  info: [[]],
  inspect: [["box"]],
  mount: [[]],
  owner: [["box"]],
  prune: [["--dry-run"]],
  ps: [["-a"]],
  rm: [["--dry-run", "box"]],
  rmi: [["--dry-run", "old:1"]],
  rootfs: [["box", "OUT"]],
  save: [["app:1", "-o", "OUT"]],
  timeline: [["box"]],
  verify: [["--all"]],
  waste: [["app:1"]],
  which: [["box", "/etc/mine"]],
};

/** They write to a registry or to the user's own files. */
const ELSEWHERE = ["login", "logout", "push"];

describe("a root that is held", { skip: oracle("root", "dockerd", "getfattr") }, () => {
  let work: Scratch;
  let root: string;
  let inputs: Inputs;
  let outputs = 0;
  before(async () => {
    work = scratch("held", 0);
    root = work.join("root");
    inputs = makeInputs(work);
    await makeRoot(root, work);
    await ovlHere(["create", "-q", "--name", "mounted", "--root", root, "app:1"]);
    mkdirSync(join(root, "volumes"));
    writeFileSync(join(root, "volumes", "metadata.db"), "");
  });
  after(() => work?.[Symbol.dispose]());
  beforeEach(() => {
    process.env["OVL_LOCK_TIMEOUT"] = "0";
  });

  /** What ovl may write to; the rest is dockerd's own, which is at work. */
  function facts(): string {
    const trees = ["image", "overlay2", "containers"].map((name) => [...readTree(join(root, name))]);
    return JSON.stringify(trees, (_, value) => (typeof value === "bigint" ? `${value}` : value));
  }

  async function refusal(argv: readonly string[]): Promise<OvlError> {
    try {
      await ovlHere([...argv, "--root", root]);
    } catch (thrown) {
      return asOvlError(thrown);
    }
    throw new assert.AssertionError({ message: `ovl ${argv.join(" ")} was not refused` });
  }

  /** With one container mounted, so that there is something to unmount. */
  async function expectRefused(code: ErrorCode): Promise<void> {
    const unchanged = facts();
    for (const [command, ways] of Object.entries(WRITING)) {
      for (const way of ways(inputs)) {
        const error = await refusal([command, ...way]);
        assert.deepEqual([error.code, error.exit], [code, 5], `${command} ${way.join(" ")}: ${error.message}`);
      }
    }
    assert.equal(facts(), unchanged);
  }

  async function expectAnswers(): Promise<void> {
    for (const [command, ways] of Object.entries(READING)) {
      for (const way of ways) {
        const args = way.map((word) => (word === "OUT" ? work.join(`out-${outputs++}`) : word));
        const { status, stderr } = await ovl([command, ...args, "--root", root], { env: { OVL_LOCK_TIMEOUT: "0" } });
        assert.equal(status, 0, `${command} ${args.join(" ")}: ${stderr}`);
      }
    }
  }

  it("is one that every command was thought of for", () => {
    const known = new Set([...Object.keys(WRITING), ...Object.keys(READING), ...ELSEWHERE]);
    const commands = readdirSync(repoPath("src", "commands")).map((name) => name.replace(/\.ts$/, ""));
    assert.deepEqual([...known].sort(), commands.sort());
  });

  it("by another ovl, is written to by none, and answers everybody at once", async () => {
    await ovlHere(["mount", "mounted", "-q", "--root", root]);
    const holder = spawn("flock", [root, "-c", "echo locked; read _"], { stdio: ["pipe", "pipe", "inherit"] });
    await once(holder.stdout, "data");
    try {
      await expectRefused("LOCKED");
      await expectAnswers();
    } finally {
      holder.stdin.end("\n");
      await once(holder, "close");
    }
    await ovlHere(["umount", "mounted", "--root", root]);
  });

  it("by a live dockerd, is written to by none, whatever path that one knows it by", async () => {
    const [mounted, link] = [work.dir("mounted"), work.join("link")];
    await runOk("mount", ["--bind", root, mounted]);
    symlinkSync(root, link);
    try {
      for (const path of [root, link, mounted]) {
        await using _dockerd = await startDockerd(path);
        if (path === root) {
          await ovlHere(["mount", "mounted", "-q", "--force", "--root", root]);
          await expectRefused("DAEMON_RUNNING");
          await ovlHere(["umount", "mounted", "--force", "--root", root]);
        } else assert.equal((await refusal(["tag", "app:1", "x:1"])).code, "DAEMON_RUNNING", path);
      }
    } finally {
      // Mostly gone with the daemon.
      await run("umount", ["-l", mounted]);
    }
  });

  it("by a dockerd that was killed, is free again, whatever that one has left", async () => {
    await using dockerd = await startDockerd(root);
    const { fields } = await refusal(["tag", "app:1", "x:1"]);
    process.kill(fields["pid"] as number, "SIGKILL");
    await dockerd.stop();
    // What it had mounted goes with it only when its helpers do.
    process.env["OVL_LOCK_TIMEOUT"] = "30";
    await using store = await openStore({ root, driver: null }, "write");
    const [first] = store.repositories.list();
    assert.equal(tagImage(store, first?.id ?? assert.fail("no image"), "after:1"), "after:1");
  });
});
