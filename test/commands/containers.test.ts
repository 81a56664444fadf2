/** The commands of containers as users start them: what they print, in which shape, and how they refuse. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { expectSound } from "../support/expect-sound.js";
import { oracle } from "../support/oracles.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { run } from "../support/run.js";
import { samples } from "../support/sample-images.js";
import { type Scratch, scratch } from "../support/tmp.js";

let work: Scratch;
let root: string;

before(async () => {
  work = scratch("containers", 0);
  root = work.join("root");
  const { status, stderr } = await ovl(["pull", samples(work).twoTar, "--root", root]);
  assert.equal(status, 0, stderr);
});
after(() => {
  expectSound(root);
  work[Symbol.dispose]();
});

async function ok(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await ovl(["--root", root, ...args]);
  assert.equal(status, 0, stderr);
  return stdout;
}

async function refused(code: string, exit: number, ...args: string[]): Promise<string> {
  const { status, json } = await ovlJson<{ error: { code: string; message: string } }>([...args, "--root", root]);
  assert.deepEqual([json.error.code, status], [code, exit], json.error.message);
  return json.error.message;
}

interface Listed {
  readonly containers: readonly Record<string, unknown>[];
}

describe("containers on the command line", () => {
  it("are created with what docker's flags say, listed, inspected and removed", async () => {
    const id = (
      await ok(
        "create",
        "--name",
        "web",
        "-e",
        "A=1",
        "-e",
        "HOME",
        "--label",
        "x=y",
        "-w",
        "/srv",
        "app:1",
        "sh",
        "-c",
        "e -e x",
      )
    ).trim();
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.equal(await ok("ps"), "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n");
    const table = await ok("ps", "-a");
    assert.match(table, new RegExp(`^${id.slice(0, 12)} {3}app:1 {5}"sh -c 'e -e x'" .* Created +web$`, "m"));
    assert.equal(await ok("ps", "-aq"), `${id.slice(0, 12)}\n`);
    assert.equal(await ok("ps", "-aq", "--no-trunc"), `${id}\n`);
    const { json } = await ovlJson<Listed>(["ps", "-a", "--root", root]);
    const [listed] = json.containers;
    assert.deepEqual(Object.keys(listed ?? {}), [
      "id",
      "name",
      "imageId",
      "image",
      "command",
      "created",
      "state",
      "mountId",
      "initId",
      "dir",
    ]);
    assert.deepEqual(
      [listed?.["state"], listed?.["dir"]],
      ["created", join(root, "overlay2", String(listed?.["mountId"]))],
    );
    const inspected = await ovlJson<Record<string, Record<string, unknown>>[]>([
      "inspect",
      "web",
      "app:1",
      "--root",
      root,
    ]);
    const [container, image] = inspected.json;
    assert.deepEqual([container?.["Id"], container?.["Config"]?.["WorkingDir"]], [id, "/srv"]);
    const env = container?.["Config"]?.["Env"] as string[];
    assert.deepEqual(env.slice(0, 2), ["A=1", `HOME=${process.env["HOME"]}`]);
    assert.equal(container?.["Image"], image?.["Id"]);
    assert.equal(await ok("rm", "web"), `${id}\n`);
    assert.equal((await ovlJson<Listed>(["ps", "-a", "--root", root])).json.containers.length, 0);
  });

  it("remove a container whose daemon was killed", async () => {
    const id = (await ok("create", "--name", "stale", "app:1")).trim();
    const path = join(root, "containers", id, "config.v2.json");
    const config = JSON.parse(readFileSync(path, "utf8"));
    config.State = { ...config.State, Running: true, Pid: 2 ** 22 + 1, StartedAt: "2020-01-01T00:00:00Z" };
    writeFileSync(path, JSON.stringify(config));
    mkdirSync(join(root, "volumes"));
    writeFileSync(join(root, "volumes", "metadata.db"), "");
    assert.match(await ok("ps", "-a"), /Exited \(process gone\)/);
    assert.equal(await ok("rm", "stale"), `${id}\n`);
    rmSync(join(root, "volumes"), { recursive: true });
  });

  it("take the words of a command in their order, however often each is there", async () => {
    const words = ["sh", "-c", "sh", "web", "sh", "app:1"];
    const { json } = await ovlJson<{ id: string }>(["create", "--name", "sh", "app:1", ...words, "--root", root]);
    const [inspected] = JSON.parse(await ok("inspect", json.id, "--json")) as { Path: string; Args: string[] }[];
    assert.deepEqual([inspected?.Path, ...(inspected?.Args ?? [])], words);
    await ok("rm", json.id);
  });

  it("give help for what stands before the image alone", async () => {
    for (const words of [
      ["psql", "-h", "db"],
      ["ls", "--help"],
    ]) {
      const { stdout, status } = await ovl(["create", "app:1", ...words, "--root", root]);
      assert.deepEqual([status, /^[0-9a-f]{64}\n$/.test(stdout)], [0, true], stdout);
      assert.equal((await ovl(["rm", stdout.trim(), "--root", root])).status, 0);
    }
    for (const words of [
      ["create", "-h"],
      ["create", "--help", "app:1"],
      ["--json", "create", "-h"],
    ]) {
      assert.match((await ovl([...words])).stdout, /^Make a container of an image/);
    }
  });

  it("take what stands behind the image for the command, but for ovl's own flags", async () => {
    const { json } = await ovlJson<{ id: string }>(["create", "app:1", "ls", "-l", "-q", "--color", "--root", root]);
    const [container] = (await ovlJson<{ Args: string[] }[]>(["inspect", json.id, "--root", root])).json;
    assert.deepEqual(container?.Args, ["-l", "-q", "--color"]);
    assert.deepEqual((await ovlJson(["rm", json.id.slice(0, 8), "--root", root])).json, { removed: [json.id] });
  });

  it("fail in words where only the command is told to speak JSON", async () => {
    const { status, stdout, stderr } = await ovl(["create", "absent", "sh", "--json", "-c", "x", "--root", root]);
    assert.deepEqual([status, stdout, stderr], [3, "", `ovl: no such image in ${root}: absent:latest\n`]);
    assert.match(await refused("NOT_FOUND", 3, "create", "absent", "sh", "-c", "x"), /absent:latest/);
  });

  it("refuse with the contract's codes", async () => {
    await ok("create", "--name", "web", "app:1");
    assert.match(await refused("IN_USE", 5, "create", "--name", "web", "app:1"), /the name web is already in use/);
    assert.match(await refused("IN_USE", 5, "rmi", "app:latest", "app:1"), /container web uses/);
    await refused("NOT_FOUND", 3, "create", "absent:1");
    await refused("NOT_FOUND", 3, "rm", "absent");
    await refused("NOT_FOUND", 3, "mount", "absent");
    await refused("NOT_FOUND", 3, "umount", "web");
    for (const directory of ["plain", "In Capitals"]) {
      work.dir(directory);
      const { stderr } = await ovl(["umount", directory, "--root", root], { cwd: work.path });
      assert.match(
        stderr,
        new RegExp(`^ovl: nothing of ${root} is mounted as ${directory}; "ovl mount" lists what is`),
      );
    }
    await refused("USAGE", 2, "create");
    await refused("USAGE", 2, "create", "--name", "-", "app:1");
    await refused("USAGE", 2, "umount");
    await refused("USAGE", 2, "umount", "--all", "web");
    await ok("rm", "web");
    const { id } = (await ovlJson<{ id: string }>(["create", "app:1", "--root", root])).json;
    const partly = await ovlJson<{ error: Record<string, unknown> }>(["rm", "absent", id, "--root", root]);
    assert.deepEqual([partly.status, partly.json.error["removed"]], [3, [id]]);
  });

  it("are inspected as far as they are there, and each that is not is named", async () => {
    await ok("create", "--name", "web", "app:1");
    const { status, stdout, stderr } = await ovl(["inspect", "nope", "web", "nope2", "--root", root]);
    assert.deepEqual([status, (JSON.parse(stdout) as unknown[]).length], [3, 1]);
    assert.match(stderr, /no such [^;]*: nope:latest.*; no such [^;]*: nope2:latest/);
    assert.match(await refused("NOT_FOUND", 3, "inspect", "nope", "web", "nope2"), /nope:latest.*nope2:latest/);
    await ok("rm", "web");
  });

  it("can be asked of a root that is not there", async () => {
    const { status, stderr } = await ovl(["ps", "--root", work.join("absent")]);
    assert.deepEqual([status, existsSync(work.join("absent"))], [3, false], stderr);
  });
});

describe("mounts on the command line", { skip: oracle("root") }, () => {
  after(async () => {
    await ovl(["umount", "--all", "--force", "--root", root]);
  });

  it("print their place, are listed, and go", async () => {
    const id = (await ok("create", "--name", "web", "app:1")).trim();
    const { path, ...rest } = (await ovlJson<{ path: string }>(["mount", "web", "--root", root])).json;
    assert.deepEqual(rest, { readOnly: false });
    assert.equal(readFileSync(join(path, "etc/app.conf"), "utf8"), "x=1\n");
    writeFileSync(join(path, "new"), "x");
    await refused("IN_USE", 5, "mount", "web");
    await refused("IN_USE", 5, "rm", "web");
    const view = work.dir("view");
    assert.equal(await ok("mount", "app:1", view), `${view}\n`);
    const { json } = await ovlJson(["mount", "--root", root]);
    const [image] = (await ovlJson<{ Id: string }[]>(["inspect", "app:1", "--root", root])).json;
    assert.deepEqual(json, {
      mounts: [
        { path, kind: "container", id, name: "web", readOnly: false },
        { path: view, kind: "image", id: image?.Id, name: "app:1", readOnly: true },
      ],
    });
    assert.match(await ok("mount"), /^PATH +KIND +ID +NAME +ACCESS\n/);
    assert.equal(await ok("umount", view), "");
    assert.deepEqual((await ovlJson(["umount", "web", "--root", root])).json, { unmounted: [path] });
    assert.ok(!existsSync(path));
    const again = await ovlJson<{ path: string; readOnly: boolean }>(["mount", "--read-only", "web", "--root", root]);
    assert.deepEqual(again.json, { path, readOnly: true });
    assert.equal(await ok("umount", "--all"), "");
    assert.deepEqual((await ovlJson(["mount", "--root", root])).json, { mounts: [] });
    await ok("rm", "web");
  });

  it("of evidence write nothing", async () => {
    await ok("create", "--name", "web", "app:1");
    const evidence = work.dir("evidence");
    await run("mount", ["--bind", root, evidence]);
    await run("mount", ["-o", "remount,bind,ro", evidence]);
    try {
      const mounted = await ovl(["mount", "--read-only", "web", "--root", evidence]);
      assert.match(mounted.stdout, /^\/run\/ovl\//, mounted.stderr);
      assert.equal((await ovl(["mount", "web", "--root", evidence])).status, 6);
      assert.equal((await ovl(["umount", "web", "--root", evidence])).status, 0);
    } finally {
      await run("umount", [evidence]);
    }
    await ok("rm", "web");
  });

  it("say what is wrong with a container that lost its init layer", async () => {
    await ok("create", "--name", "web", "app:1");
    const [listed] = (await ovlJson<Listed>(["ps", "-a", "--root", root])).json.containers;
    rmSync(join(root, "overlay2", String(listed?.["initId"])), { recursive: true });
    assert.match(await refused("BAD_ROOT", 4, "mount", "web"), /"ovl fsck --repair" makes it again/);
    for (const args of [
      ["ps", "-a"],
      ["inspect", "web"],
    ]) {
      const { status, stderr } = await ovl([...args, "--root", root]);
      assert.equal(status, 0);
      assert.match(stderr, /^ovl: warning: container web has lost its init layer: /);
    }
    await ok("rm", "web");
  });
});
