/** files, which, export and rootfs as users start them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ovl, ovlJson } from "../support/ovl.js";
import { repoPath } from "../support/repo.js";
import { samples } from "../support/sample-images.js";
import { type Scratch, scratch } from "../support/tmp.js";

let dir: Scratch;
let root: string;
let id: string;
/** `app:1`: etc/passwd and bin/hello, and above it etc/app.conf and a whiteout of etc/passwd. */
const APP = ["/", "/bin", "/bin/hello", "/etc", "/etc/app.conf"];

before(async () => {
  dir = scratch("rootfs", 0);
  root = dir.join("root");
  const sample = samples(dir);
  id = sample.app.id;
  const { status, stderr } = await ovl(["pull", sample.appTar, "--root", root]);
  assert.equal(status, 0, stderr);
});
after(() => dir[Symbol.dispose]());

const run = (...args: string[]) => ovl([...args, "--root", root]);
const json = <T>(...args: string[]) => ovlJson<T>([...args, "--root", root]);

interface FileRecord {
  readonly path: string;
  readonly layer: number;
}

describe("ovl files", () => {
  it("lists the merged tree, with the keys of the contract", async () => {
    const { json: answer, status } = await json<{ files: FileRecord[] }>("files", "app:1");
    assert.equal(status, 0);
    assert.deepEqual(
      answer.files.map(({ path }) => path),
      APP,
    );
    const { mtime, ...hello } = answer.files[2] as FileRecord & { mtime: string };
    assert.match(mtime, /^2001-09-09T01:46:40Z$/);
    assert.deepEqual(hello, {
      path: "/bin/hello",
      type: "file",
      mode: "0644",
      uid: 0,
      gid: 0,
      size: 100_000,
      linkTarget: null,
      layer: 0,
    });
    assert.deepEqual(
      Object.keys(answer.files[2] ?? {}),
      "path type mode uid gid size mtime linkTarget layer".split(" "),
    );
  });

  it("gives the same, a line each", async () => {
    const [whole, lines, quiet] = [
      await json<{ files: FileRecord[] }>("files", "app:1"),
      await run("files", "app:1", "--ndjson"),
      await run("files", "app:1", "-q"),
    ];
    const records = lines.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(records, whole.json.files);
    assert.equal(quiet.stdout, `${APP.join("\n")}\n`);
    const { stdout } = await run("files", "app:1", "/etc/app.conf");
    assert.match(stdout, /^-rw-r--r-- 0:0 +4 2001-09-09 01:46:40 \/etc\/app\.conf\n$/);
  });

  it("lists one path, or one layer with its whiteouts", async () => {
    assert.equal((await run("files", "app:1", "etc", "-q")).stdout, "/etc\n/etc/app.conf\n");
    const { json: answer } = await json<{ files: { path: string; type: string }[] }>("files", "app:1", "--layer", "1");
    assert.deepEqual(
      answer.files.map(({ path, type }) => `${type} ${path}`),
      ["directory /", "directory /etc", "file /etc/app.conf", "whiteout /etc/passwd"],
    );
  });

  it("says what there is not", async () => {
    for (const args of [
      ["files", "app:1", "/nope"],
      ["files", "app:1", "--layer", "2"],
      ["files", "nothing:1"],
      ["which", "app:1", "/nope"],
      ["export", "nothing:1", "-o", dir.join("x.tar")],
      ["rootfs", "app:1", dir.join("no", "where")],
    ]) {
      const { status, json: answer } = await json<{ error: { code: string } }>(...args);
      assert.equal(status, 3, args.join(" "));
      assert.equal(answer.error.code, "NOT_FOUND");
    }
    assert.equal((await run("files", "app:1", "--ndjson", "--json")).status, 2);
  });

  it("ends quietly when its reader has seen enough", () => {
    const script = '"$0" "$1" files app:1 --root "$2" | head -1';
    const { stdout, stderr } = spawnSync("sh", ["-c", script, process.execPath, repoPath("bin/run.js"), root]);
    assert.equal(stderr.toString(), "");
    assert.equal(stdout.toString().split("\n").length, 2);
  });
});

describe("ovl which", () => {
  it("tells which layer serves a path, with the keys of the contract", async () => {
    const { json: answer } = await json<Record<string, unknown>>("which", "app:1", "/bin/hello");
    assert.deepEqual(Object.keys(answer), ["path", "exists", "servedBy", "layers"]);
    const layers = answer["layers"] as Record<string, unknown>[];
    assert.deepEqual(
      layers.map(({ index, state }) => [index, state]),
      [
        [1, "absent"],
        [0, "serves"],
      ],
    );
    assert.deepEqual(Object.keys(layers[1] ?? {}), "index chainId cacheId state type size mode mtime".split(" "));
    assert.deepEqual(answer["servedBy"], layers[1]);
    assert.equal((await run("which", "app:1", "bin/hello", "-q")).stdout, `${layers[1]?.["cacheId"]}\n`);
  });

  it("tells who deleted a path", async () => {
    const { status, stdout } = await run("which", "app:1", "/etc/passwd");
    assert.equal(status, 0);
    assert.match(stdout, /^\/etc\/passwd does not exist: deleted by layer 1\nINDEX +STATE.*\n1 +whiteout.*\n0 +hidden/);
  });
});

describe("ovl export", () => {
  it("writes one tar, the same bytes every time, to a file or to standard output", async () => {
    const file = dir.join("app.tar");
    const { json: answer } = await json("export", "app:1", "-o", file);
    assert.deepEqual(answer, { file, id });
    const piped = spawnSync(process.execPath, [repoPath("bin/run.js"), "export", "app:1", "-o", "-", "--root", root]);
    assert.equal(piped.stderr.toString(), "");
    const hash = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
    assert.equal(hash(piped.stdout), hash(readFileSync(file)));
    const listed = spawnSync("tar", ["tf", file]).stdout.toString();
    assert.equal(listed, "bin/\nbin/hello\netc/\netc/app.conf\n");
    assert.equal((await run("export", id, "-o", file)).stdout, "");
  });

  it("refuses what is no place for a tar", async () => {
    for (const args of [
      ["export", "app:1", "-o", dir.path],
      ["export", "app:1", "-o", ""],
      ["export", "app:1", "-o", "-", "--json"],
    ]) {
      assert.equal((await run(...args)).status, 2, args.join(" "));
    }
  });
});

describe("ovl rootfs", () => {
  it("writes a directory and prints its path", async () => {
    const out = dir.join("out");
    assert.equal((await run("rootfs", "app:1", out)).stdout, `${out}\n`);
    assert.deepEqual(readdirSync(out, { recursive: true }).sort(), ["bin", "bin/hello", "etc", "etc/app.conf"]);
    const linked = dir.join("linked");
    assert.deepEqual((await json("rootfs", "app:1", linked, "--link", "hardlink")).json, { path: linked, id });
    assert.equal(statSync(`${linked}/bin/hello`).nlink, 2);
    const { status, stderr } = await run("rootfs", "app:1", out);
    assert.equal(status, 2);
    assert.match(stderr, /is not empty/);
  });
});

describe("a container", () => {
  it("is seen with its own layer and its init layer above the image's, and without the init layer where that is lost", async () => {
    const created = await run("create", "--name", "web", "app:1");
    assert.equal(created.status, 0, created.stderr);
    const { json: listed } = await json<{ containers: { id: string; dir: string; initId: string }[] }>("ps", "-a");
    const [web] = listed.containers;
    assert.ok(web !== undefined);
    writeFileSync(join(web.dir, "diff", "hello"), "from the container");
    const whole = (await run("files", "web", "-q")).stdout.split("\n");
    for (const path of ["/.dockerenv", "/bin/hello", "/etc/app.conf", "/hello"]) assert.ok(whole.includes(path), path);
    const { json: own } = await json<{ files: FileRecord[] }>("files", web.id.slice(0, 12), "--layer", "3");
    assert.deepEqual(own.files.map(({ path, layer }) => [path, layer]).at(-1), ["/hello", 3]);
    const { json: answer } = await json<{ servedBy: { index: number; chainId: null } }>("which", "web", "/.dockerenv");
    assert.deepEqual([answer.servedBy.index, answer.servedBy.chainId], [2, null]);
    rmSync(join(root, "overlay2", web.initId), { recursive: true });
    const without = await run("files", "web", "-q");
    assert.equal(without.status, 0);
    assert.match(without.stderr, /the init layer .* is missing, and left out.*fsck --repair/);
    assert.ok(!without.stdout.includes("/.dockerenv"));
    assert.ok(without.stdout.includes("/hello\n"));
  });
});
