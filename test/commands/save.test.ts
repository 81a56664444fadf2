/** `ovl save` and `ovl import` as they are typed: streams, terminals, what goes where. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { waitReadable } from "../../src/sys/poll.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { repoPath } from "../support/repo.js";
import { run } from "../support/run.js";
import { type Samples, samples } from "../support/sample-images.js";
import { file, layer } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

const BIN = [process.execPath, repoPath("bin/run.js")] as const;

describe("save on the command line", () => {
  let dir: Scratch;
  let sample: Samples;
  let root: string;

  before(async () => {
    dir = scratch("save-command", 0);
    sample = samples(dir);
    root = dir.join("root");
    assert.equal((await ovl(["pull", sample.twoTar, "--root", root])).status, 0);
  });
  after(() => dir[Symbol.dispose]());

  it("says nothing to people, and everything to programs", async () => {
    const quiet = await ovl(["save", "app:1", "-o", dir.join("a.tar"), "--root", root]);
    assert.deepEqual([quiet.status, quiet.stdout, quiet.stderr], [0, "", ""]);
    const { json } = await ovlJson(["save", "app:1", sample.other.id, "-o", dir.join("a.tar"), "--root", root]);
    assert.deepEqual(json, {
      file: dir.join("a.tar"),
      images: [
        { id: sample.app.id, names: ["app:1"] },
        { id: sample.other.id, names: [] },
      ],
    });
    const ids = await ovl(["save", "app:1", "-q", "-o", dir.join("a.tar"), "--root", root]);
    assert.equal(ids.stdout, `${sample.app.id}\n`);
  });

  it("streams the archive, and nothing else, to standard output", async () => {
    await ovl(["save", "app:1", "-o", dir.join("file.tar"), "--root", root]);
    for (const flags of [["-o", "-"], [], ["-q"]]) {
      const { stdout } = await run(BIN[0], [BIN[1], "save", "app:1", ...flags, "--root", root]);
      assert.ok(stdout.equals(readFileSync(dir.join("file.tar"))), flags.join(" "));
    }
    const again = await run("sh", [
      "-c",
      `"$0" "$1" save app:1 --root "${root}" | "$0" "$1" load --root "${dir.join("piped")}"`,
      ...BIN,
    ]);
    assert.equal(again.status, 0, again.stderr);
    assert.match(again.stdout.toString(), new RegExp(sample.app.id));
  });

  it("refuses a terminal", async () => {
    const command = [...BIN, "save", "app:1", "--root", root].join(" ");
    const { stdout } = await run("script", ["-qec", command, "/dev/null"]);
    assert.match(stdout.toString(), /will not write an archive to a terminal/);
  });

  it("refuses flags that contradict each other", async () => {
    for (const flags of [
      ["--json"],
      ["--format", "oci"],
      ["--compress", "gzip", "-o", dir.join("x")],
      ["--format", "oci", "--since", "app:1", "-o", dir.join("x")],
      ["--format", "tar", "-o", dir.join("x")],
      ["-o", ""],
    ]) {
      const { status } = await ovl(["save", "app:1", ...flags, "--root", root]);
      assert.equal(status, 2, flags.join(" "));
    }
    assert.ok(!existsSync(dir.join("x")));
  });

  it("stops at a signal while nobody reads, and leaves nothing behind", async () => {
    execFileSync("mkfifo", [dir.join("pipe")]);
    // Both ends at once: a pipe that is open for reading, and is not read.
    const pipe = openSync(dir.join("pipe"), "r+");
    const child = spawn(BIN[0], [BIN[1], "save", "app:1", "--root", root], { stdio: ["ignore", pipe, "ignore"] });
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    while (!waitReadable(pipe, 0)) await setTimeout(20);
    await setTimeout(300);
    child.kill("SIGTERM");
    assert.equal(await ended, 143);
    closeSync(pipe);
    const hidden = readdirSync(dir.path).filter((name) => name.startsWith("."));
    assert.deepEqual(hidden, []);
  });

  it("warns on standard error of a base that has nothing in common", async () => {
    writeFileSync(dir.join("rootfs.tar"), layer(file("alone", "x")));
    const { stdout } = await ovl(["import", dir.join("rootfs.tar"), "alone:1", "--root", root]);
    assert.match(stdout, /^sha256:[0-9a-f]{64}\n$/);
    const args = ["save", "app:1", "--since", "alone:1", "-o", dir.join("full.tar"), "--root", root];
    const { status, stderr } = await ovl(args);
    assert.deepEqual(
      [status, stderr],
      [0, "ovl: warning: app:1 shares no layer with alone:1; all of it is in the archive\n"],
    );
  });

  it("imports from standard input, and answers with the id", async () => {
    const input = layer(file("alone", "x"));
    const { json } = await ovlJson<{ id: string }>(["import", "-", "piped:1", "-c", "USER x", "--root", root], {
      input,
    });
    assert.deepEqual(Object.keys(json), ["id"]);
    const { json: inspected } = await ovlJson<{ Id: string; Config: { User: string } }[]>([
      "inspect",
      "piped:1",
      "--root",
      root,
    ]);
    assert.deepEqual([inspected[0]?.Id, inspected[0]?.Config.User], [json.id, "x"]);
    assert.equal((await ovl(["import", "-", "--root", root, "-c", "RUN x"], { input })).status, 2);
  });
});
