/** One exit status and one code for each kind of failure, the same with and without `--json`. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { archive, dockerArchive, image, ociLayout, writeFiles } from "../support/image-builder.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { repoPath } from "../support/repo.js";
import { run } from "../support/run.js";
import { type Samples, samples } from "../support/sample-images.js";
import { file, layer } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

interface Failure {
  readonly error: { readonly code: string; readonly message: string; readonly exit: number };
}

let dir: Scratch;
let sample: Samples;
let root: string;

before(async () => {
  dir = scratch("failures", 0);
  sample = samples(dir);
  root = dir.join("root");
  assert.equal((await ovl(["pull", sample.twoTar, "--root", root])).status, 0);
  writeFileSync(dir.join("noise.tar"), Buffer.alloc(4096, "noise"));
  writeFileSync(dir.join("none.tar"), archive(dockerArchive([])));
  writeFiles(ociLayout([]), dir.dir("none"));
  assert.equal((await ovl(["pull", dir.join("none.tar"), "--root", dir.join("empty")])).status, 0);
});
after(() => dir[Symbol.dispose]());

const HEX = "0123456789abcdef".repeat(4);

const CASES: readonly (readonly [code: string, exit: number, args: () => string[]])[] = [
  ["DIFF_ID_MISMATCH", 1, () => ["pull", sample.badTar, "--root", dir.join("new")]],
  ["IMAGE_ID_MISMATCH", 1, () => ["pull", sample.appTar, "--expect", `sha256:${HEX}`, "--root", dir.join("new")]],
  [
    "IMAGE_ID_MISMATCH",
    1,
    () => ["pull", dir.join("none.tar"), "--expect", `sha256:${HEX}`, "--root", dir.join("new")],
  ],
  [
    "IMAGE_ID_MISMATCH",
    1,
    () => ["load", "-i", dir.join("none"), "--expect", `sha256:${HEX}`, "--root", dir.join("new")],
  ],
  ["IMAGE_ID_MISMATCH", 1, () => ["verify", "--all", "--expect", `sha256:${HEX}`, "--root", dir.join("empty")]],
  ["USAGE", 2, () => ["images", "--frobnicate"]],
  ["USAGE", 2, () => ["images", "one", "two"]],
  ["USAGE", 2, () => ["id"]],
  ["USAGE", 2, () => ["frobnicate"]],
  ["USAGE", 2, () => ["imagse"]],
  ["USAGE", 2, () => ["--frobnicate", "images"]],
  ["USAGE", 2, () => ["images", "--progress", "sometimes"]],
  ["USAGE", 2, () => ["images", "--filter", "colour=red", "--root", root]],
  ["USAGE", 2, () => ["pull", sample.appTar, "--jobs", "many"]],
  ["USAGE", 2, () => ["pull", sample.appTar, "--tag", "Not/Lower"]],
  ["USAGE", 2, () => ["pull"]],
  ["USAGE", 2, () => ["verify", sample.appTar, "--expect", "sha256:12"]],
  ["USAGE", 2, () => ["chain", "app:1", "--dirs", "--lowerdir", "--root", root]],
  ["NOT_FOUND", 3, () => ["id", "nowhere", "--root", root]],
  ["NOT_FOUND", 3, () => ["id", "./nowhere.tar"]],
  ["NOT_FOUND", 3, () => ["images", "--root", dir.join("nowhere")]],
  ["NOT_FOUND", 3, () => ["tag", "app:1", "x", "--root", dir.join("nowhere")]],
  ["NOT_FOUND", 3, () => ["chain", sample.appTar, "--dirs"]],
  ["NOT_FOUND", 3, () => ["verify", dir.join("none.tar"), "--expect", `sha256:${HEX}`]],
  ["NOT_FOUND", 3, () => ["verify", dir.join("none")]],
  ["AMBIGUOUS", 3, () => ["chain", sample.twoTar]],
  ["BAD_ARCHIVE", 4, () => ["pull", dir.join("noise.tar"), "--root", dir.join("never")]],
  ["BAD_ROOT", 4, () => ["images", "--root", dir.path]],
  // Nobody may make a directory there, root neither.
  ["PERMISSION", 6, () => ["pull", sample.appTar, "--root", "/sys/ovl"]],
  // Nor there, where the kernel says that something is missing.
  ["IO", 6, () => ["pull", sample.appTar, "--root", "/proc/ovl/root"]],
  // Nothing listens on port 1 of this machine.
  ["NETWORK", 7, () => ["pull", "docker://127.0.0.1:1/app", "--root", dir.join("never")]],
];

describe("a failure", () => {
  for (const [code, exit, args] of CASES) {
    const title = args.toString().replace(/^\(\) => /, "");
    it(`is ${code}, exit ${exit}, in text and in JSON: ${title}`, async () => {
      const text = await ovl(args());
      assert.equal(text.status, exit, text.stderr);
      assert.equal(text.stdout, "");
      assert.match(text.stderr, /^ovl: [^\n]+\n$/, "one line, in one voice");
      const { status, json, stderr } = await ovlJson<Failure>(args());
      assert.equal(status, exit);
      assert.equal(stderr, "");
      assert.equal(json.error.code, code);
      assert.equal(json.error.exit, exit);
      assert.equal(`ovl: ${json.error.message}\n`, text.stderr);
    });
  }

  for (const host of ["localhost:99999", "999.1.1.1:5000", "foo.123"]) {
    it(`names ${host} where a registry is expected, which no address can hold`, async () => {
      const app = `${host}/team/app:1`;
      for (const args of [
        ["id", `docker://${app}`],
        ["pull", app, "--root", dir.join("new")],
        ["pull", "team/app:1", "--registry-mirror", `http://${host}`, "--root", dir.join("new")],
        ["push", "app:1", app, "--root", root],
        ["login", host, "-u", "ci", "--password-stdin"],
      ]) {
        const { status, json } = await ovlJson<Failure>(args, { input: Buffer.from("s3cret") });
        assert.deepEqual([status, json.error.code], [2, "USAGE"], json.error.message);
        assert.ok(json.error.message.startsWith(`${host} is no registry`), json.error.message);
      }
    });
  }

  it("leaves no root behind where there was none and nothing to bring, else an empty one", () => {
    assert.ok(!existsSync(dir.join("nowhere")));
    assert.ok(!existsSync(dir.join("never")));
    assert.equal(readFileSync(dir.join("new/image/overlay2/repositories.json"), "utf8"), '{"Repositories":{}}');
  });

  it("takes no empty name for the default root", async () => {
    for (const args of [
      ["images", "--root="],
      ["prune", "-a", "--root", ""],
    ]) {
      const { status, stderr } = await ovl(args);
      assert.deepEqual([status, stderr], [2, "ovl: --root is empty; expected a directory\n"]);
    }
  });

  it("reads standard input once", async () => {
    const { status, stderr } = await ovl(["pull", "-", "-", "--root", dir.join("new")]);
    assert.deepEqual([status, /can be read once/.test(stderr)], [2, true]);
  });

  it("does what is written where a flag has a value", async () => {
    const images = await ovl(["images", "--json=false", "--quiet=true", "--root", root]);
    assert.match(images.stdout, /^[0-9a-f]{12}\n/);
    const { status, stderr } = await ovl(["rmi", "--force=no", "app:1", "--root", root]);
    assert.deepEqual([status, /--force is on or off/.test(stderr)], [2, true]);
  });

  it("suggests the command and the flag that were most likely meant", async () => {
    assert.match((await ovl(["imagse"])).stderr, /did you mean images\?/);
    assert.match((await ovl(["images", "--digest"])).stderr, /did you mean --digests\?/);
  });

  it("shows a stack with DEBUG only", async () => {
    const args = ["id", "nowhere", "--root", root];
    assert.doesNotMatch((await ovl(args)).stderr, /\n\s+at /);
    assert.match((await ovl(args, { env: { DEBUG: "1" } })).stderr, /\n\s+at /);
  });
});

describe("a verification of nothing", () => {
  it("of a root without images holds", async () => {
    const { status, json } = await ovlJson(["verify", "--all", "--root", dir.join("empty")]);
    assert.deepEqual([status, json], [0, { ok: true, targets: [] }]);
  });
});

describe("a failed verification", () => {
  it("exits 1 in both forms, and the answer stays the answer", async () => {
    const text = await ovl(["verify", sample.badTar, sample.appTar]);
    assert.equal(text.status, 1);
    assert.match(text.stdout, /^FAILED .*bad\.tar.*\n {2}DIFF_ID_MISMATCH: .*\nok .*app\.tar .*\n$/);
    const { status, json } = await ovlJson<{ ok: boolean; targets: { ok: boolean }[] }>([
      "verify",
      sample.badTar,
      sample.appTar,
    ]);
    assert.equal(status, 1);
    assert.equal(json.ok, false);
    assert.deepEqual(
      json.targets.map(({ ok }) => ok),
      [false, true],
    );
  });
});

describe("a removal that fails in part", () => {
  it("does the rest, and says both, in text and in JSON", async () => {
    const both = dir.join("both");
    await ovl(["pull", sample.twoTar, "--root", both]);
    const text = await ovl(["rmi", "app:1", "nowhere", "--root", both]);
    assert.deepEqual([text.status, text.stdout], [3, "Untagged: app:1\n"]);
    assert.match(text.stderr, /^ovl: no such image[^\n]*nowhere[^\n]*\n$/);
    const { status, json } = await ovlJson<{ error: { code: string; untagged: string[] } }>([
      "rmi",
      "app:latest",
      "nowhere",
      "--root",
      both,
    ]);
    assert.equal(status, 3);
    assert.deepEqual([json.error.code, json.error.untagged], ["NOT_FOUND", ["app:latest"]]);
  });
});

describe("a layer that is no tar, or that dockerd would refuse", () => {
  it("is named, and so is a file that is imported", async () => {
    const path = dir.join("bad-layer.tar");
    const cases = [
      [Buffer.alloc(1024, "noise"), "not a valid tar: invalid header"],
      [layer(file("a"), file("a")), 'has the path "a" more than once'],
      [layer(file("a"), file("a/b")), 'cannot be applied, nor would dockerd: entry "a/b"'],
    ] as const;
    for (const [bytes, what] of cases) {
      const made = image({ layers: [layer(file("good")), bytes] });
      writeFileSync(path, archive(dockerArchive([made])));
      const { status, stderr } = await ovl(["pull", path, "--root", dir.join("new")]);
      assert.deepEqual([status, stderr.startsWith(`ovl: layer ${made.diffIds[1]}: ${what}`)], [4, true], stderr);
      writeFileSync(path, bytes);
      const imported = await ovl(["import", path, "--root", dir.join("new")]);
      assert.deepEqual(
        [imported.status, imported.stderr.startsWith(`ovl: ${path}: ${what}`)],
        [4, true],
        imported.stderr,
      );
    }
  });
});

describe("a source of several images where one is asked for", () => {
  it("is told how to name one, in words that work", async () => {
    await ovl(["tag", sample.other.id, "named:2", "--root", root]);
    const forms = [
      ["docker-archive", dir.join("named.tar")],
      ["oci-archive", dir.join("named.oci.tar")],
      ["oci", dir.join("named-layout")],
    ] as const;
    for (const [kind, path] of forms) {
      const saved = ["save", "app:1", "named:2", "--format", kind, "-o", path, "--root", root];
      assert.equal((await ovl(saved)).status, 0);
      const { status, stderr } = await ovl(["history", path]);
      const advice = `${kind}:${path}:app:1`;
      assert.deepEqual([status, stderr.endsWith(`; name one, as in ${advice}\n`)], [3, true], stderr);
      assert.equal((await ovl(["history", advice])).status, 0);
    }
    const pipe = `cat '${dir.join("named.oci.tar")}' | '${process.execPath}' '${repoPath("bin/run.js")}' history - 2>&1`;
    const { stdout } = await run("sh", ["-c", pipe]);
    assert.match(stdout.toString(), /; keep the archive in a file and name one, as in oci-archive:FILE:app:1\n$/);
    await ovl(["save", sample.app.id, sample.other.id, "-o", dir.join("nameless.tar"), "--root", root]);
    assert.match(
      (await ovl(["chain", dir.join("nameless.tar")])).stderr,
      /; none of them has a name to ask for it by\n$/,
    );
    await ovl(["rmi", "named:2", "--root", root]);
  });
});

describe("inspect of something that is not there", () => {
  it("prints what is there first, as docker does; in JSON the failure alone", async () => {
    const text = await ovl(["inspect", "nowhere", "app:1", "--root", root]);
    assert.equal(text.status, 3);
    assert.equal(JSON.parse(text.stdout).length, 1);
    assert.match(text.stderr, /^ovl: no such container or image[^\n]*nowhere[^\n]*\n$/);
    const { json } = await ovlJson<Failure>(["inspect", "nowhere", "app:1", "--root", root]);
    assert.equal(json.error.code, "NOT_FOUND");
  });

  it("takes what no image can be called for the name of a container", async () => {
    const commands = ["inspect NoWhere", "files NoWhere", "timeline NoWhere", "diff NoWhere app:1", "umount NoWhere"];
    for (const command of commands) {
      const { status, stderr } = await ovl([...command.split(" "), "--root", root]);
      assert.equal(stderr, `ovl: no such container or image in ${root}: NoWhere\n`, command);
      assert.equal(status, 3, command);
    }
    const { stdout } = await ovl(["inspect", "NoWhere", "app:1", "--root", root]);
    assert.equal(JSON.parse(stdout).length, 1);
    for (const name of ["NoWhere:1", "us/NoWhere"])
      assert.equal((await ovl(["files", name, "--root", root])).status, 2);
  });
});

describe("a root that somebody else works on", () => {
  /** Runs while another process has a flock(2) on a path. */
  async function whileLocked(path: string, act: () => Promise<void>): Promise<void> {
    const holder = spawn("flock", [path, "-c", "echo locked; read _"], { stdio: ["pipe", "pipe", "inherit"] });
    const ended = new Promise((done) => holder.on("close", done));
    await new Promise((done) => holder.stdout.once("data", done));
    try {
      await act();
    } finally {
      holder.stdin.end("\n");
      await ended;
    }
  }

  it("is LOCKED, exit 5, for a writer, and open to a reader", async () => {
    await whileLocked(root, async () => {
      const env = { OVL_LOCK_TIMEOUT: "0.1" };
      const { status, json } = await ovlJson<Failure>(["tag", "app:1", "x", "--root", root], { env });
      assert.deepEqual([status, json.error.code], [5, "LOCKED"]);
      assert.equal((await ovl(["images", "--root", root])).status, 0);
    });
  });

  it("is DAEMON_RUNNING, exit 5, where dockerd has its lock, unless --force", async () => {
    const held = dir.join("held");
    await ovl(["pull", sample.appTar, "--root", held]);
    mkdirSync(`${held}/volumes`, { recursive: true });
    writeFileSync(`${held}/volumes/metadata.db`, "");
    await whileLocked(`${held}/volumes/metadata.db`, async () => {
      const { status, json } = await ovlJson<Failure>(["rmi", "app:1", "--root", held]);
      assert.deepEqual([status, json.error.code], [5, "DAEMON_RUNNING"]);
      const info = await ovlJson<{ daemonRunning: boolean }>(["info", "--root", held]);
      assert.equal(info.json.daemonRunning, true);
      assert.equal((await ovl(["tag", "app:1", "x", "--force", "--root", held])).status, 0);
    });
  });
});

describe("a signal", () => {
  for (const [signal, exit, code] of [
    ["SIGINT", 130, "INTERRUPTED"],
    ["SIGTERM", 143, "TERMINATED"],
  ] as const) {
    it(`${signal} stops a pull that waits, with ${exit}, and nothing is registered`, async () => {
      const target = dir.join(`root-${signal}`);
      mkdirSync(target);
      const child = spawn(process.execPath, [repoPath("bin/run.js"), "pull", "-", "--json", "--root", target], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      const written = Buffer.alloc(256 * 1024);
      readFileSync(sample.appTar).copy(written);
      const stdout: Buffer[] = [];
      child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
      // More than a pipe holds: once all of it is in, the command is at work.
      await new Promise((done) => child.stdin.write(written, done));
      child.kill(signal);
      const status = await new Promise((done) => child.on("close", done));
      assert.equal(status, exit);
      assert.equal((JSON.parse(String(Buffer.concat(stdout))) as Failure).error.code, code);
      assert.equal((await ovl(["images", "-q", "--root", target])).stdout, "");
    });
  }
});
