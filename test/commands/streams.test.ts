/** stdout answers, stderr tells. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { ovl, ovlJson } from "../support/ovl.js";
import { repoPath } from "../support/repo.js";
import { run } from "../support/run.js";
import { type Samples, samples } from "../support/sample-images.js";
import { type Scratch, scratch } from "../support/tmp.js";

let dir: Scratch;
let sample: Samples;
const noScript = spawnSync("script", ["--version"]).status === 0 ? false : "needs script (Debian package bsdutils)";

before(() => {
  dir = scratch("streams", 0);
  sample = samples(dir);
});
after(() => dir[Symbol.dispose]());

interface Failure {
  readonly error: { readonly code: string; readonly message: string };
}

/** As on a terminal: stdin, stdout and stderr of the command are one pty. */
async function onTerminal(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const command = [process.execPath, repoPath("bin/run.js"), ...args].map((arg) => `'${arg}'`).join(" ");
  const neutral = { NO_COLOR: "", TERM: "xterm", LANG: "C.UTF-8", LC_ALL: "", DEBUG: "", ...env };
  return String((await run("script", ["-qec", command, "/dev/null"], { env: neutral })).stdout);
}

describe("progress", () => {
  it("is silent when stderr is no terminal", async () => {
    assert.equal((await ovl(["verify", sample.appTar])).stderr, "");
  });

  it("plain is a line a layer on stderr, with --json too, and stdout stays one document", async () => {
    const { stderr, json } = await ovlJson<{ ok: boolean }>(["verify", sample.appTar, "--progress", "plain"]);
    assert.match(stderr, /^(\[\d\/2\] [0-9a-f]{12}: verified, [^\n]*\n){2}$/);
    assert.equal(json.ok, true);
  });

  it("tty draws whatever stderr is, and gives the cursor back", async () => {
    const { stderr } = await ovl(["verify", sample.appTar, "--progress", "tty"]);
    assert.ok(stderr.startsWith("\x1b[?25l") && stderr.endsWith("\x1b[?25h"), JSON.stringify(stderr));
  });

  it("is live on a terminal", { skip: noScript }, async () => {
    assert.match(await onTerminal(["verify", sample.appTar]), /\x1b\[\?25l.*verified.*\x1b\[\?25h.*ok/s);
  });
});

describe("colour", () => {
  const args = () => ["verify", sample.badTar, "--progress", "none"];

  it("is there on a terminal", { skip: noScript }, async () => {
    assert.match(await onTerminal(args()), /\x1b\[31mFAILED/);
  });

  it("is off with NO_COLOR, with --no-color and on a dumb terminal", { skip: noScript }, async () => {
    assert.doesNotMatch(await onTerminal(args(), { NO_COLOR: "1" }), /\x1b/);
    assert.doesNotMatch(await onTerminal([...args(), "--no-color"]), /\x1b/);
    assert.doesNotMatch(await onTerminal(args(), { TERM: "dumb" }), /\x1b/);
  });

  it("is off when stdout is no terminal", async () => {
    assert.doesNotMatch((await ovl(args())).stdout, /\x1b/);
  });

  it("is never in JSON", { skip: noScript }, async () => {
    assert.doesNotMatch(await onTerminal([...args(), "--json"]), /\x1b/);
  });
});

describe("a reader that stops reading", () => {
  it("is no failure", async () => {
    const pipeline = `'${process.execPath}' '${repoPath("bin/run.js")}' inspect '${sample.twoTar}' | head -c1 >/dev/null; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await run("bash", ["-c", pipeline]);
    assert.deepEqual([String(stdout), stderr], ["0\n", ""]);
  });
});

describe("the root", () => {
  it("comes from --root, else from OVL_ROOT, and flags may stand before the command", async () => {
    const { status, stderr } = await ovl(["pull", sample.appTar, "-q"], { env: { OVL_ROOT: dir.join("env") } });
    assert.equal(status, 0, stderr);
    assert.equal((await ovl(["--root", dir.join("env"), "images", "-q"])).stdout, `${sample.app.id.slice(7, 19)}\n`);
    const other = await ovl(["info", "-q", "--root", dir.join("env")], { env: { OVL_ROOT: dir.join("other") } });
    assert.equal(other.stdout, `${dir.join("env")}\n`);
  });
});

describe("load", () => {
  it("reads -i FILE, and stdin without it", async () => {
    const root = dir.join("load");
    const expected = `${sample.app.id} app:1 app:latest\n`;
    assert.equal((await ovl(["load", "-i", sample.appTar, "--root", root])).stdout, expected);
    const { readFileSync } = await import("node:fs");
    const input = readFileSync(sample.ociTar);
    for (const args of [[], ["-"], ["-i", "-"]]) {
      assert.equal((await ovl(["load", ...args, "--root", root], { input })).stdout, expected);
    }
  });

  it("takes what -i names for a file, whether it is there or not", async () => {
    const root = dir.join("load-files");
    const cwd = dir.dir("files");
    const { copyFileSync } = await import("node:fs");
    for (const name of ["app:1", "oci:app", "-i"]) {
      copyFileSync(sample.appTar, dir.join("files", name));
      const { status, stderr } = await ovl(["load", `--input=${name}`, "--root", root], { cwd });
      assert.equal(status, 0, stderr);
    }
    for (const args of [["-i", "gone"], ["./gone"], ["-i", "docker://127.0.0.1:1/gone"], ["-i", "Gone.tar"]]) {
      const { status, json } = await ovlJson<Failure>(["load", ...args, "--root", root], { cwd });
      assert.deepEqual([status, json.error.code], [3, "NOT_FOUND"], json.error.message);
      assert.match(json.error.message, /no such file or directory: .*gone/i);
    }
  });
});

describe("an answer that cannot be written", () => {
  async function ontoFullDisk(args: readonly string[]): Promise<[status: number | null, stderr: string]> {
    const words = [process.execPath, repoPath("bin/run.js"), ...args].map((word) => `'${word}'`);
    const { status, stderr } = await run("sh", ["-c", `${words.join(" ")} > /dev/full`]);
    return [status, stderr];
  }

  for (const args of [["id"], ["id", "--json"], ["verify", "--json"], ["history"]]) {
    it(`${args.join(" ")} onto a full disk ends with 6, and says so on stderr`, async () => {
      const expected = [6, "ovl: cannot write the answer: ENOSPC\n"];
      assert.deepEqual(await ontoFullDisk([...args, sample.appTar]), expected);
    });
  }

  it("so does the version", async () => {
    assert.deepEqual(await ontoFullDisk(["--version"]), [6, "ovl: cannot write the answer: ENOSPC\n"]);
  });

  it("is told of once where it is an archive", async () => {
    const root = dir.join("full-root");
    assert.equal((await ovl(["pull", sample.appTar, "--root", root])).status, 0);
    const expected = [6, "ovl: cannot write standard output: ENOSPC\n"];
    assert.deepEqual(await ontoFullDisk(["save", "app:1", "--root", root]), expected);
  });
});
