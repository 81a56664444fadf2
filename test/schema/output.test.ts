/** Every command's `--json`, run for real, is what its schema in docs/schema says. */
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { OvlError } from "../../src/errors.js";
import { credentialPlaces } from "../support/credentials.js";
import { commandEntries } from "../support/manifest.js";
import { oracle } from "../support/oracles.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { startRegistry } from "../support/registry.js";
import { repoPath } from "../support/repo.js";
import { runOk } from "../support/run.js";
import { dir as directory, file, layer } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { schema, schemaNames, violations } from "./schemas.js";

const ARCHIVE = repoPath("testdata/hello.docker.tar");
const OCI = repoPath("testdata/hello.oci.tar");

/** Schemas that are no command's. */
const SHARED = ["common", "error"];

/** By command, in an order in which each finds what it needs. */
const CASES: Readonly<Record<string, readonly (() => readonly string[])[]>> = {
  pull: [() => [ARCHIVE], () => [OCI], () => [repoPath("testdata/multi.oci.tar"), "--platform", "linux/arm64"]],
  load: [() => ["-i", ARCHIVE]],
  import: [() => [dir.join("rootfs.tar"), "imported:1", "-c", "CMD sh", "-m", "why"]],
  tag: [() => ["hello:1.0", "also:1"]],
  info: [() => []],
  images: [() => [], () => ["-a", "--digests"], () => ["nothing"]],
  history: [() => ["hello:1.0"], () => [OCI]],
  chain: [() => ["hello:1.0"], () => [OCI]],
  id: [() => ["hello:1.0", ARCHIVE]],
  create: [() => ["--name", "one", "hello:1.0"]],
  inspect: [() => ["hello:1.0", "imported:1"], () => [OCI], () => ["one"]],
  verify: [() => ["--all"], () => [ARCHIVE], () => [dir.join("damaged.tar")]],
  fsck: [() => []],
  save: [() => ["hello:1.0", "-o", dir.join("saved.tar")], () => ["hello:1.0", "--format", "oci", "-o", dir.join("o")]],
  ps: [() => ["-a"]],
  export: [() => ["one", "-o", dir.join("one.tar")], () => ["hello:1.0", "-o", dir.join("hello.tar")]],
  diff: [() => ["one"], () => ["registry.example.com/team/hello:0.9", "hello:1.0"]],
  cp: [() => ["one:/etc/passwd", dir.join("passwd")], () => [dir.join("rootfs.tar"), "one:/"]],
  commit: [() => ["one", "committed:1", "-c", "CMD sh", "-m", "why", "-a", "who"]],
  rootfs: [() => ["hello:1.0", dir.join("rootfs")]],
  files: [() => ["one"], () => ["hello:1.0", "--layer", "3"]],
  which: [() => ["hello:1.0", "/etc/motd"], () => ["one", "/etc/passwd"]],
  owner: [() => ["one"], () => ["hello:1.0"]],
  du: [() => [], () => ["--metadata"]],
  waste: [() => ["hello:1.0"], () => [OCI, "--max-wasted", "10"]],
  timeline: [() => ["one"], () => ["hello:1.0"], () => ["--all"]],
  mount: [() => []],
  umount: [() => ["--all"]],
  rm: [() => ["one"]],
  rmi: [() => ["also:1"], () => ["--dry-run", "-f", "hello:1.0"]],
  prune: [() => ["-a", "--dry-run"], () => ["-a"]],
};

/** Tried by a test of their own. */
const AT_REGISTRIES = ["push", "login", "logout"];

let dir: Scratch;
let root: string;

before(() => {
  dir = scratch("schema");
  root = dir.join("root");
  const archive = readFileSync(ARCHIVE);
  archive.writeUInt8(0x21, archive.indexOf("Welcome."));
  writeFileSync(dir.join("damaged.tar"), archive);
  writeFileSync(dir.join("rootfs.tar"), layer(directory("etc/"), file("etc/hostname", "imported\n")));
});
after(() => dir[Symbol.dispose]());

describe("docs/schema", () => {
  const commands = [...commandEntries().keys()];

  it("has a schema for every command and for nothing else", () => {
    const unknown = schemaNames.filter((name) => !SHARED.includes(name) && !commands.includes(name));
    const missing = commands.filter((name) => !schemaNames.includes(name));
    assert.deepEqual({ unknown, missing }, { unknown: [], missing: [] });
  });

  it("holds valid schemas, each with a title", () => {
    for (const name of schemaNames) {
      const { title } = schema(name).schema as { title?: string };
      assert.equal(typeof title, "string", name);
    }
  });

  it("is tried with every command", () => {
    assert.deepEqual(
      commands.filter((name) => !(name in CASES) && !AT_REGISTRIES.includes(name)),
      [],
    );
  });
});

describe("--json of a command is what its schema says:", () => {
  for (const [command, cases] of Object.entries(CASES)) {
    it(command, async () => {
      for (const args of cases) {
        const { json, stderr } = await ovlJson([command, ...args(), "--root", root]);
        assert.equal(violations(command, json), "", `${command} ${args().join(" ")}\n${stderr}`);
      }
    });
  }

  it("images and containers that dockerd made", { skip: oracle("root", "gnu-tar") }, async () => {
    const docker = dir.dir("docker");
    const options = ["--xattrs", "--xattrs-include=*", "--numeric-owner"];
    await runOk("tar", [...options, "-xzpf", repoPath("testdata/dockerd-root.tar.gz"), "-C", docker]);
    const { json } = await ovlJson<{ images: { id: string }[] }>(["images", "-a", "--root", docker]);
    assert.equal(violations("images", json), "");
    const asked: readonly (readonly string[])[] = [
      ["info"],
      ["inspect", ...json.images.map(({ id }) => id)],
      ["history", "site:latest"],
      ["chain", "site:latest"],
      ["verify", "--all"],
      ["fsck"],
      ["ps", "-a"],
      ["inspect", "greeter"],
      ["which", "greeter", "/etc/motd"],
      ["owner", "greeter", "site:latest"],
      ["du"],
      ["waste", "site:latest"],
      ["timeline", "--all"],
    ];
    for (const args of asked) {
      const answer = await ovlJson([...args, "--root", docker]);
      assert.equal(violations(args[0] as string, answer.json), "", args.join(" "));
    }
  });

  it("login, logout, push, and pull from a registry", { skip: oracle("docker-registry") }, async () => {
    await using registry = await startRegistry();
    const env = credentialPlaces(dir.join("docker-config"));
    const login = ["login", registry.host, "-u", "me", "--password-stdin"];
    const { json: known } = await ovlJson(login, { env, input: Buffer.from("secret") });
    assert.equal(violations("login", known), "");
    const { json: forgotten } = await ovlJson(["logout", registry.host], { env });
    assert.equal(violations("logout", forgotten), "");
    const [name, other] = [`${registry.host}/hello:1`, dir.join("from-registry")];
    assert.equal((await ovl(["pull", "-q", OCI, "--root", other])).status, 0);
    const { json } = await ovlJson(["push", "hello:1.0", name, "--root", other]);
    assert.equal(violations("push", json), "");
    const { json: pulled } = await ovlJson(["pull", name, "--root", other]);
    assert.equal(violations("pull", pulled), "");
  });

  it("an image that is damaged", async () => {
    const { status, stdout } = await ovl(["pull", OCI, "--root", dir.join("second"), "--json"]);
    assert.equal(status, 0);
    const [base] = (JSON.parse(stdout) as { images: { layers: { cacheId: string }[] }[] }).images[0]?.layers ?? [];
    rmSync(dir.join("second/overlay2", base?.cacheId ?? "", "diff/etc/passwd"));
    const { status: verified, json } = await ovlJson(["verify", "--all", "--root", dir.join("second")]);
    assert.equal(verified, 1);
    assert.equal(violations("verify", json), "");
    rmSync(dir.join("second/overlay2", base?.cacheId ?? "", "link"));
    const { status: checked, json: problems } = await ovlJson(["fsck", "--root", dir.join("second")]);
    assert.equal(checked, 1);
    assert.equal(violations("fsck", problems), "");
  });
});

describe("failures are what error.json says:", () => {
  const { enum: codes } = (
    schema("error").schema as { $defs: { code: { enum: ConstructorParameters<typeof OvlError>[0][] } } }
  ).$defs.code;

  const FAILURES: readonly (readonly [title: string, args: () => readonly string[], exit: number])[] = [
    ["content that differs", () => ["pull", dir.join("damaged.tar"), "--root", dir.join("other")], 1],
    ["an unknown flag", () => ["images", "--bogus"], 2],
    ["an unknown command", () => ["bogus"], 2],
    ["an image that is not there", () => ["inspect", "absent:1", "--root", root], 3],
    ["no archive", () => ["pull", repoPath("package.json"), "--root", dir.join("other")], 4],
  ];
  for (const [title, args, exit] of FAILURES) {
    it(title, async () => {
      const { status, json } = await ovlJson<{ error: { exit: number } }>(args());
      assert.equal(violations("error", json), "");
      assert.deepEqual([status, json.error.exit], [exit, exit]);
    });
  }

  it("every code of the source is listed, and no other", () => {
    const source = readFileSync(repoPath("src/errors.ts"), "utf8");
    const table = /const EXIT = \{([^}]*)\}/.exec(source)?.[1] ?? "";
    const known = [...table.matchAll(/^ {2}([A-Z_]+):/gm)].map(([, code]) => code);
    assert.deepEqual([...codes].sort(), known.sort());
  });

  it("every code's exit status is listed", () => {
    for (const code of codes) {
      const { exit } = new OvlError(code, "x");
      assert.equal(violations("error", { error: { code, message: "x", exit } }), "");
    }
  });
});
