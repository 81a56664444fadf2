/**
 * Containers beside dockerd, in both directions: what ovl creates dockerd lists, starts, finds unchanged, stops and
 * removes; what dockerd created and ran ovl lists, inspects, mounts, mends and removes.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { containerTable } from "../../src/cli/views/containers.js";
import { type CreateOptions, createContainer } from "../../src/container/create.js";
import { inspectContainer } from "../../src/container/inspect.js";
import { listContainers } from "../../src/container/list.js";
import { mountContainer, mountImage } from "../../src/container/mount.js";
import { remakeInitLayer } from "../../src/container/remake-init.js";
import { removeContainers } from "../../src/container/remove.js";
import { unmountAll } from "../../src/container/umount.js";
import { layerMounts } from "../../src/driver/layer-mounts.js";
import type { CacheId } from "../../src/model/digest.js";
import { resolveImage } from "../../src/store/resolve.js";
import { resolveContainer } from "../../src/store/resolve-container.js";
import { openStore, type Store } from "../../src/store/store.js";
import { NOTHING } from "../container/build.js";
import { type Dockerd, startDockerd } from "../support/dockerd.js";
import { expectSound } from "../support/expect-sound.js";
import { hostPrograms } from "../support/host-programs.js";
import { archive, dockerArchive, type Image, image } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { runOk } from "../support/run.js";
import { dir, file, layer, opaque, symlink, whiteout } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { readTree } from "../support/tree.js";

const skip = oracle("root", "dockerd", "getfattr");
const MERGED = { dir: null, readOnly: false, place: "merged" } as const;
const SLEEP = { Cmd: ["/bin/sh", "-c", "sleep 1000"], Env: ["PATH=/bin", "A=1"] };

function images(): Image[] {
  const base = hostPrograms(["sh", "sleep", "cat", "touch", "ls"]);
  const make = (name: string, layers: Uint8Array[], config: Record<string, unknown> = {}) =>
    image({ layers: [base, ...layers], names: [name], config: { config: { ...SLEEP, ...config } } });
  const etc = layer(
    dir("etc/", { mode: 0o2750, uid: 3, gid: 4, xattrs: { "user.of": "etc" } }),
    file("etc/hosts", "127.0.0.1 x\n"),
    dir("dev/", { mode: 0o711 }),
    file("dev/console", "x"),
    dir("proc/", { mode: 0o555 }),
    dir("data/", { mode: 0o1777, uid: 9 }),
    file("data/x", "1", { uid: 1, gid: 2 }),
    symlink("data/to", "x"),
  );
  return [
    make("plain:1", []),
    make("etc:1", [etc], {
      User: "0",
      Hostname: "of-the-image",
      Labels: { b: "2", a: "<&>" },
      ExposedPorts: { "80/tcp": {}, "53/udp": {} },
      StopSignal: "SIGKILL",
      Healthcheck: { Test: ["CMD", "/bin/true"], Interval: 3_600_000_000_000 },
      Shell: ["/bin/sh"],
      OnBuild: ["RUN x"],
    }),
    make("directory:1", [etc, layer(dir("etc/hostname/"), dir("dev/console/", { mode: 0o700 }))]),
    make("links:1", [
      layer(symlink("etc", "/real"), dir("real/"), file("real/hosts", "x"), symlink("sys", "real"), file("dev", "x")),
    ]),
    make("hidden:1", [etc, layer(whiteout("etc"), whiteout("dev/console"), dir("dev/"), opaque("dev"))]),
    make("again:1", [etc, layer(whiteout("etc")), layer(file("etc/hosts", "new"), symlink("etc/mtab", "nowhere"))]),
    make("work:1", [etc, layer(symlink("app", "/data"))], { WorkingDir: "/app/deep/./er/" }),
    make("volumes:1", [etc], { Volumes: { "/data": {}, "/new/place": {}, "etc//rel": {}, "./srv/": {} } }),
    make("entry:1", [], { Entrypoint: ["/bin/sh", "-c"], Cmd: ["sleep 1000"] }),
    image({ layers: [], names: ["empty:1"], config: { config: { Cmd: ["/x"] } } }),
    image({ layers: [base], names: ["bare:1"], config: { config: null } }),
  ];
}

/** Of docker's client, and the same for ovl. */
const CASES: readonly (readonly [args: readonly string[], image: string, options: Partial<CreateOptions>])[] = [
  [[], "plain:1", {}],
  [[], "etc:1", {}],
  [[], "directory:1", {}],
  [[], "links:1", {}],
  [[], "hidden:1", {}],
  [[], "again:1", {}],
  [[], "work:1", {}],
  [[], "volumes:1", {}],
  [[], "entry:1", {}],
  [[], "empty:1", {}],
  [["-e", "PATH=/bin"], "bare:1", { env: ["PATH=/bin"], command: ["/bin/sleep", "1000"] }],
  [["-w", "/data/made//here"], "etc:1", { workingDir: "/data/made//here" }],
  [["--entrypoint", ""], "entry:1", { entrypoint: "", command: ["/bin/sleep", "1000"] }],
  [
    ["-e", "A=5", "--entrypoint", "/bin/sleep", "--hostname", "h.example.com", "--label", "a=9", "--label", "q"],
    "etc:1",
    {
      env: ["A=5"],
      entrypoint: "/bin/sleep",
      hostname: "h.example.com",
      labels: new Map([
        ["a", "9"],
        ["q", ""],
      ]),
      command: ["1000"],
    },
  ],
];

/** One has no program, in the other the runtime finds directories where it wants files. */
const NEVER_STARTS = ["empty:1", "directory:1"];

describe("containers beside dockerd", { skip }, () => {
  let work: Scratch;
  let original: string;

  before(async () => {
    if (skip) return;
    work = scratch("containers", 0);
    original = work.join("original");
    await using dockerd = await startDockerd(original);
    writeFileSync(work.join("images.tar"), archive(dockerArchive(images())));
    await dockerd.dockerOk(["load", "-q", "-i", work.join("images.tar")]);
  });
  after(() => work?.[Symbol.dispose]());

  async function copy(name: string): Promise<string> {
    await runOk("cp", ["-a", original, work.join(name)]);
    return work.join(name);
  }

  it("creates the same files to the last byte, and dockerd can live with them", async () => {
    const root = await copy("created");
    const ours: string[] = [];
    {
      await using dockerd = await startDockerd(root);
      for (const [i, [args, name, { command = [] }]] of CASES.entries()) {
        await dockerd.dockerOk(["create", "--name", `theirs-${i}`, ...args, name, ...command]);
      }
      await dockerd.stop();
    }
    {
      await using store = await openStore({ root, driver: null }, "write");
      for (const [i, [, name, options]] of CASES.entries()) {
        const { id, warnings } = await createContainer(store, name, { ...NOTHING, ...options, name: `ours-${i}` });
        assert.deepEqual(warnings, []);
        ours.push(id);
        const [want, have] = [resolveContainer(store, `theirs-${i}`), resolveContainer(store, id)];
        for (const of of [documentsOf, layersOf, volumesOf]) {
          assert.deepEqual(of(store, have.id), of(store, want.id), `${of.name} of ${name}, case ${i}`);
        }
      }
    }
    expectSound(root);
    await using dockerd = await startDockerd(root);
    for (const [i, id] of ours.entries()) {
      const name = `ours-${i}`;
      await sameInspect(dockerd, root, name);
      assert.equal((await dockerd.dockerOk(["diff", name])).trim(), await theirDiff(dockerd, i), name);
      if (NEVER_STARTS.includes(CASES[i]?.[1] ?? "")) continue;
      await dockerd.dockerOk(["start", name]);
      assert.equal(await dockerd.dockerOk(["exec", name, "cat", "/etc/mtab"]).then((text) => text.length > 0), true);
      await sameInspect(dockerd, root, name);
      await dockerd.dockerOk(["exec", name, "touch", "/new"]);
      assert.match(await dockerd.dockerOk(["diff", name]), /^A \/new$/m);
      await dockerd.dockerOk(["stop", "-t", "0", name]);
      await dockerd.dockerOk(["rm", "-v", id]);
    }
    const names = (await dockerd.dockerOk(["ps", "-a", "--format", "{{.Names}}"])).trim().split("\n");
    const left = CASES.flatMap(([, name], i) => (NEVER_STARTS.includes(name) ? [`ours-${i}`] : []));
    assert.deepEqual(names.filter((name) => name.startsWith("ours")).sort(), left.sort());
    await dockerd.stop();
    expectSound(root);
  });

  it("lists, inspects, mounts and removes what dockerd ran", async () => {
    const root = await copy("run");
    {
      await using dockerd = await startDockerd(root);
      await dockerd.dockerOk(["run", "-d", "--name", "runs", "--network=none", "-e", "B=2", "etc:1"]);
      await dockerd.dockerOk(["run", "-d", "--name", "paused", "--network=host", "--init", "plain:1"]);
      await dockerd.dockerOk(["pause", "paused"]);
      await dockerd.docker([
        "run",
        "--name",
        "failed",
        "--network=none",
        "-m",
        "64m",
        "plain:1",
        "/bin/sh",
        "-c",
        "exit 3",
      ]);
      await dockerd.docker(["run", "--name", "absent", "--network=none", "plain:1", "/absent"]);
      await dockerd.dockerOk([
        "create",
        "--name",
        "bound",
        "-v",
        "/tmp:/host:ro",
        "-v",
        "named:/n",
        "--tmpfs",
        "/t",
        "volumes:1",
      ]);
      await dockerd.dockerOk(["create", "--name", "ports", "-p", "127.0.0.1:8080:80", "--restart", "always", "etc:1"]);
      await dockerd.dockerOk(["tag", "etc:1", "plain:1"]);
      await dockerd.dockerOk(["exec", "runs", "sh", "-c", "echo in the container > /written; echo y > /etc/hosts-own"]);
      for (const name of ["runs", "paused", "failed", "bound", "ports"]) await sameInspect(dockerd, root, name);
      for (const args of [[], ["-a"], ["-a", "--no-trunc"]]) await sameTable(dockerd, root, args);
      {
        await using forced = await openStore({ root, driver: null, force: true }, "write");
        const [refused] = (await removeContainers(forced, ["runs"])).failures;
        assert.match(refused?.message ?? "", /^container runs is running; stop it first/);
        await assert.rejects(mountContainer(forced, resolveContainer(forced, "runs"), MERGED), { code: "IN_USE" });
      }
      await dockerd.dockerOk(["unpause", "paused"]);
      await dockerd.dockerOk(["stop", "-t", "0", "runs", "paused"]);
      for (const name of ["runs", "paused"]) await sameInspect(dockerd, root, name);
      await sameTable(dockerd, root, ["-a"]);
      await dockerd.stop();
    }
    {
      await using store = await openStore({ root, driver: null }, "write");
      const { path } = await mountContainer(store, resolveContainer(store, "runs"), MERGED);
      assert.equal(readFileSync(join(path, "written"), "utf8"), "in the container\n");
      writeFileSync(join(path, "written"), "by ovl\n");
      unmountAll(store, layerMounts(store.driver), false);
      const { removed, failures } = await removeContainers(store, ["failed", "absent", "paused"]);
      assert.deepEqual([removed.length, failures.length], [3, 0]);
    }
    await using dockerd = await startDockerd(root);
    const names = (await dockerd.dockerOk(["ps", "-a", "--format", "{{.Names}}"])).trim().split("\n");
    assert.deepEqual(names.sort(), ["bound", "ports", "runs"]);
    await dockerd.dockerOk(["start", "runs"]);
    assert.equal(await dockerd.dockerOk(["exec", "runs", "cat", "/written"]), "by ovl\n");
    await dockerd.dockerOk(["rm", "-f", "runs", "bound", "ports"]);
    await dockerd.stop();
    expectSound(root);
  });

  it("mends a lost init layer so that the container starts again, unchanged", async () => {
    const root = await copy("lost");
    let init: string;
    {
      await using store = await openStore({ root, driver: null }, "write");
      const { id } = await createContainer(store, "etc:1", { ...NOTHING, name: "web" });
      init = store.driver.dir(resolveContainer(store, id).mount?.initId as CacheId);
      rmSync(init, { recursive: true });
    }
    {
      await using dockerd = await startDockerd(root);
      assert.match((await dockerd.docker(["start", "web"])).stderr, /no such file or directory/);
    }
    {
      await using store = await openStore({ root, driver: null }, "write");
      remakeInitLayer(store, resolveContainer(store, "web"));
    }
    expectSound(root);
    await using dockerd = await startDockerd(root);
    await dockerd.dockerOk(["start", "web"]);
    assert.equal(await dockerd.dockerOk(["diff", "web"]), "");
    await dockerd.dockerOk(["rm", "-f", "web"]);
    await dockerd.stop();
    expectSound(root);
  });

  it("fills in what a document written by hand leaves out as dockerd does", async () => {
    const root = await copy("by-hand");
    await using store = await openStore({ root, driver: null }, "write");
    const { id } = await createContainer(store, "plain:1", { ...NOTHING, name: "hand" });
    const directory = join(root, "containers", id);
    const { imageId } = resolveContainer(store, id);
    const minimal = {
      ID: id,
      Image: imageId,
      Driver: "overlay2",
      Name: "/hand",
      Path: "/bin/sh",
      Args: ["-c", "sleep 9"],
    };
    writeFileSync(
      join(directory, "config.v2.json"),
      JSON.stringify({ ...minimal, Config: { Image: "plain:1" }, NetworkSettings: {} }),
    );
    writeFileSync(join(directory, "hostconfig.json"), '{"NetworkMode":"none"}');
    store.usersChanged();
    const before = inspectContainer(store, resolveContainer(store, id)).inspect;
    await store[Symbol.asyncDispose]();
    await using dockerd = await startDockerd(root);
    const [theirs] = JSON.parse(await dockerd.dockerOk(["inspect", "hand"])) as [Record<string, unknown>];
    assert.deepEqual(before, theirs);
    await sameInspect(dockerd, root, "hand");
  });

  it("tells of links as dockerd does, and of none that lead nowhere", async () => {
    const root = await copy("links");
    const hosted: readonly (readonly string[])[] = [
      ["--name", "db", "--network=none"],
      ["--name", "shares", "--network=container:db"],
      ["--name", "host", "--network=host"],
      ["--name", "one", "--link", "db:sql"],
      ["--name", "two", "--link", "db", "--link", "shares:/with/slash", "--link", "one:b", "--link", "db:db"],
      ["--name", "after", "--link", "one:x", "--link", "gone:y", "--link", "db:z"],
    ];
    await using dockerd = await startDockerd(root);
    await dockerd.dockerOk(["create", "--name", "gone", "plain:1"]);
    for (const args of hosted) await dockerd.dockerOk(["create", ...args, "plain:1"]);
    for (const name of ["db", "one", "two"]) await sameInspect(dockerd, root, name);
    await dockerd.dockerOk(["rm", "gone"]);
    await dockerd.dockerOk(["rename", "db", "renamed"]);
    await dockerd.stop();
    await using again = await startDockerd(root);
    for (const name of ["one", "two", "after"]) await sameInspect(again, root, name);
    await again.stop();
  });

  it("kills and unmounts by force what a daemon runs", async () => {
    const root = await copy("forced");
    await using dockerd = await startDockerd(root);
    await dockerd.dockerOk(["run", "-d", "--name", "runs", "--network=none", "plain:1"]);
    {
      await using store = await openStore({ root, driver: null, force: true }, "write");
      const { removed, failures } = await removeContainers(store, ["runs"], { force: true });
      assert.deepEqual([removed.length, failures], [1, []]);
    }
    // What the daemon does when its container dies may come a moment later.
    await sleep(500);
    await dockerd.stop();
    rmSync(join(root, "containers"), { recursive: true });
    expectSound(root);
  });

  it("creates a container on 125 layers that it mounts and dockerd starts", async () => {
    const root = work.join("deep");
    const base = hostPrograms(["sh", "sleep", "cat"]);
    const layers = Array.from({ length: 124 }, (_, i) => layer(file("number", String(i + 2)), file(`layer-${i}`, "x")));
    const deep = image({ layers: [base, ...layers], names: ["deep:1"], config: { config: SLEEP } });
    {
      await using dockerd = await startDockerd(root);
      assert.equal(await dockerd.load(archive(dockerArchive([deep]))), null);
      await dockerd.stop();
    }
    {
      await using store = await openStore({ root, driver: null }, "write");
      await createContainer(store, "deep:1", { ...NOTHING, name: "deep" });
      const { path } = await mountContainer(store, resolveContainer(store, "deep"), MERGED);
      const view = await mountImage(store, resolveImage(store, "deep:1"), { ...MERGED, readOnly: true });
      for (const at of [path, view.path]) {
        assert.equal(readFileSync(join(at, "number"), "utf8"), "125");
        assert.equal(readdirSync(at).filter((name) => name.startsWith("layer-")).length, 124);
      }
      writeFileSync(join(path, "number"), "mine");
      assert.equal(layerMounts(store.driver)[0]?.layers.length, 127);
      unmountAll(store, layerMounts(store.driver), false);
    }
    expectSound(root);
    await using dockerd = await startDockerd(root);
    await dockerd.dockerOk(["start", "deep"]);
    assert.equal(await dockerd.dockerOk(["exec", "deep", "cat", "/number"]), "mine");
    assert.equal(await dockerd.dockerOk(["diff", "deep"]), "C /number\n");
    await dockerd.dockerOk(["rm", "-f", "deep"]);
    await dockerd.stop();
    expectSound(root);
  });

  it("reads containers of the overlay driver", async () => {
    const root = work.join("legacy");
    {
      await using dockerd = await startDockerd(root, "overlay");
      await dockerd.dockerOk(["load", "-q", "-i", work.join("images.tar")]);
      await dockerd.dockerOk(["create", "--name", "made", "etc:1"]);
      await dockerd.dockerOk(["run", "-d", "--name", "runs", "--network=none", "plain:1"]);
      await dockerd.dockerOk(["exec", "runs", "touch", "/written"]);
      for (const name of ["made", "runs"]) await sameInspect(dockerd, root, name);
      await sameTable(dockerd, root, ["-a"]);
      await dockerd.stop();
    }
    await using store = await openStore({ root, driver: null }, "write");
    await assert.rejects(createContainer(store, "plain:1", NOTHING), { code: "BAD_ROOT", message: /it only reads/ });
    for (const readOnly of [false, true]) {
      const { path } = await mountContainer(store, resolveContainer(store, "runs"), { ...MERGED, readOnly });
      assert.ok(readdirSync(path).includes("written"));
      assert.deepEqual(unmountAll(store, layerMounts(store.driver), false), [path]);
    }
    const { path } = await mountImage(store, resolveImage(store, "etc:1"), MERGED);
    assert.equal(readFileSync(join(path, "data", "x"), "utf8"), "1");
    unmountAll(store, layerMounts(store.driver), false);
    assert.deepEqual((await removeContainers(store, ["made", "runs"])).failures, []);
    expectSound(root, "overlay");
  });
});

/** The two documents, with what is each container's own replaced. */
function documentsOf(store: Store, id: string): unknown {
  const directory = join(store.root, "containers", id);
  const names = readdirSync(directory).sort();
  const config = readFileSync(join(directory, "config.v2.json"), "utf8");
  const { Config } = JSON.parse(config) as { Config: { Env: string[] | null } };
  const env = Config.Env === null ? "null" : JSON.stringify(Config.Env);
  const neutral = config
    .replaceAll(id, "ID")
    .replaceAll(id.slice(0, 12), "HOST")
    .replace(/"Created":"[^"]+"/, '"Created":"NOW"')
    .replace(/"Name":"\/(ours|theirs)-/, '"Name":"/')
    .replace(/"Name":"[0-9a-f]{64}"/g, '"Name":"VOLUME"')
    // docker's client goes through a map.
    .replace(env, JSON.stringify(Config.Env?.toSorted() ?? null));
  return { names, config: neutral, host: readFileSync(join(directory, "hostconfig.json"), "utf8") };
}

/** The init layer and the container's own, but for times and for what the kernel notes for itself. */
function layersOf(store: Store, id: string): unknown {
  const { mount } = resolveContainer(store, id);
  return [mount?.initId, mount?.mountId].map((cacheId) => {
    const tree = readTree(store.driver.dir(cacheId as CacheId));
    return [...tree].flatMap(([path, node]) => {
      if (/^work\//.test(path) || path === "link" || path === "lower") return [];
      const xattrs = [...node.xattrs].filter(([name]) => !/^trusted\.overlay\.(origin|impure|uuid)$/.test(name));
      return [[path, { ...node, mtimeNs: 0n, hardLinks: null, xattrs }]];
    });
  });
}

/** docker copies first and makes directories later: theirs are from now, ours as old as the image's. */
function volumesOf(store: Store, id: string): unknown {
  const points = resolveContainer(store, id).config["MountPoints"] as Record<string, { Name: string }>;
  return Object.entries(points).map(([destination, { Name }]) => {
    const tree = [...readTree(join(store.root, "volumes", Name))];
    return [
      destination,
      tree.map(([path, node]) => [path, { ...node, mtimeNs: node.type === "dir" ? 0n : node.mtimeNs }]),
    ];
  });
}

/** What docker says changed in the container that it made itself. */
async function theirDiff(dockerd: Dockerd, i: number): Promise<string> {
  return (await dockerd.dockerOk(["diff", `theirs-${i}`])).trim();
}

async function sameInspect(dockerd: Dockerd, root: string, name: string): Promise<void> {
  const [theirs] = JSON.parse(await dockerd.dockerOk(["inspect", name])) as [Record<string, unknown>];
  // docker goes through a map.
  const points = theirs["Mounts"] as { Destination: string }[];
  points.sort((a, b) => (a.Destination < b.Destination ? -1 : 1));
  const { Links } = theirs["HostConfig"] as { Links: string[] | null };
  Links?.sort((a, b) => (aliasOf(a) < aliasOf(b) ? -1 : 1));
  await using store = await openStore({ root, driver: null });
  const { inspect, warnings } = inspectContainer(store, resolveContainer(store, name));
  assert.deepEqual(warnings, []);
  assert.deepEqual(inspect, theirs, name);
  assert.equal(JSON.stringify(inspect), JSON.stringify(theirs), "keys are in docker's order");
}

function aliasOf(link: string): string {
  return link.slice(link.indexOf(":"));
}

/** Docker's table and ours, unless a second passed between them. */
async function sameTable(dockerd: Dockerd, root: string, args: readonly string[]): Promise<void> {
  const ours = async () => {
    await using store = await openStore({ root, driver: null });
    const { containers } = listContainers(store, { all: args.includes("-a") });
    return rows(containerTable(containers, { trunc: !args.includes("--no-trunc") }));
  };
  for (let attempts = 20; ; attempts--) {
    const before = await ours();
    const theirs = rows(await dockerd.dockerOk(["ps", ...args]));
    const after = await ours();
    if ([before, after].some((table) => JSON.stringify(table) === JSON.stringify(theirs))) return;
    if (attempts === 0) assert.deepEqual(after, theirs, args.join(" "));
  }
}

function rows(text: string): string[] {
  return text
    .trim()
    .split("\n")
    .map((line) => line.trimEnd());
}
