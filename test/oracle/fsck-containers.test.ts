/** Containers' files with one value of another type each: fsck finds exactly those that dockerd does not list. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { fsck, fsckRepair } from "../../src/audit/fsck-run.js";
import { createContainer } from "../../src/container/create.js";
import { openStore } from "../../src/store/store.js";
import { APP, buildRoot } from "../audit/root.js";
import { startDockerd } from "../support/dockerd.js";
import { oracle } from "../support/oracles.js";
import { scratch } from "../support/tmp.js";

type FileName = "config.v2.json" | "hostconfig.json";

/** The path of a value, and what is put there. */
const VALUES: readonly (readonly [file: FileName, path: string, value: unknown])[] = [
  ...[
    ["Created", 0],
    ["Created", null],
    ["Created", ""],
    ["Created", "yesterday"],
    ["State", "x"],
    ["state", { pid: "x" }],
    ["State.Pid", "x"],
    ["State.Pid", 1.5],
    ["State.Running", 0],
    ["State.StartedAt", 1],
    ["State.Health", { Log: [{ ExitCode: "1" }] }],
    ["State.Health", { Log: [null] }],
    ["Args", "one"],
    ["Args", [null]],
    ["Args", [1]],
    ["Config.Cmd", "one"],
    ["Config.Labels", { a: 1 }],
    ["Config.Env", { A: "1" }],
    ["Config.StopTimeout", "10"],
    ["Image", 1],
    ["NetworkSettings.Networks", { bridge: { IPPrefixLen: "16" } }],
    ["NetworkSettings.Networks", { bridge: { IPAMOperational: 1 } }],
    ["NetworkSettings.Ports", { "80/tcp": [{ HostPort: 80 }] }],
    ["NetworkSettings.Ports", { "80/tcp": null }],
    ["Name", 1],
    ["LogPath", false],
    ["RestartCount", "0"],
    ["MountPoints", []],
    ["MountPoints", { "/x": { RW: "true" } }],
    ["StreamConfig", 1],
    ["StreamConfig", { x: 1 }],
    ["SecretReferences", [{ File: { Mode: -1 } }]],
    ["ExecCommands", 1],
    ["HostConfig", 1],
    ["NoNewPrivileges", "no"],
    ["LocalLogCacheMeta", { HaveNotifyEnabled: 1 }],
  ].map(([path, value]) => ["config.v2.json", path as string, value] as const),
  ...[
    ["ShmSize", "x"],
    ["shmsize", "x"],
    ["ShmSize", null],
    ["Binds", "one"],
    ["CapAdd", "ALL"],
    ["CapAdd", 1],
    ["LogConfig", { Type: 1 }],
    ["LogConfig", { Config: { a: 1 } }],
    ["PortBindings", { "80/tcp": {} }],
    ["RestartPolicy", "always"],
    ["RestartPolicy", { MaximumRetryCount: "1" }],
    ["AutoRemove", "false"],
    ["ConsoleSize", [1]],
    ["ConsoleSize", [1, 2, "x"]],
    ["ConsoleSize", [-1, 2]],
    ["BlkioWeight", 65535],
    ["BlkioWeight", 65536],
    ["BlkioDeviceReadBps", [{ Rate: -1 }]],
    ["Devices", [{ PathOnHost: 1 }]],
    ["DeviceRequests", [{ Capabilities: ["gpu"] }]],
    ["PidsLimit", "1"],
    ["Ulimits", [{ Hard: "1" }]],
    ["Mounts", [{ TmpfsOptions: { Mode: "1777" } }]],
    ["Init", 1],
    ["Unknown", 1],
  ].map(([path, value]) => ["hostconfig.json", path as string, value] as const),
];

function put(path: string, keys: readonly string[], value: unknown): void {
  const json = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  const last = keys.at(-1) as string;
  const holder = keys.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, json);
  holder[last] = value;
  writeFileSync(path, JSON.stringify(json));
}

const what = ([file, path, value]: (typeof VALUES)[number]) => `${file}: ${path} = ${JSON.stringify(value)}`;

async function listed(root: string): Promise<Set<string>> {
  await using daemon = await startDockerd(root);
  return new Set((await daemon.dockerOk(["ps", "-aq", "--no-trunc"])).split("\n").filter((id) => id !== ""));
}

/** What may be in the place of hostconfig.json. */
const UNREADABLE: readonly ((path: string) => void)[] = [
  (path) => truncateSync(path),
  (path) => truncateSync(path, 20),
  (path) => writeFileSync(path, "[]"),
  (path) => writeFileSync(path, '"x"'),
  (path) => {
    rmSync(path);
    mkdirSync(path);
  },
];

async function createContainers(root: string, count: number): Promise<string[]> {
  await buildRoot(root);
  await using store = await openStore({ root, driver: null }, "write");
  const options = { command: ["/bin/sh"], env: [], workingDir: null, entrypoint: null, hostname: null };
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    ids.push((await createContainer(store, APP, { name: `c${i}`, labels: new Map(), ...options })).id);
  }
  return ids;
}

async function check(root: string) {
  await using store = await openStore({ root, driver: null });
  return (await fsck(store, { deep: false, jobs: 1 })).problems;
}

async function codeOf(root: string, container: string) {
  return (await check(root)).find(({ subject }) => subject === container)?.code;
}

it("names each container that dockerd does not list, and mends it", { skip: oracle("root", "dockerd") }, async () => {
  using work = scratch("fsck-containers");
  const root = work.join("root");
  const ids = await createContainers(root, VALUES.length);
  for (const [i, [file, path, value]] of VALUES.entries()) {
    put(join(root, "containers", ids[i] as string, file), path.split("."), value);
  }
  const problems = await check(root);
  assert.deepEqual([...new Set(problems.map(({ code }) => code))], ["CONTAINER_CONFIG_WRONG"]);
  const named = new Set(problems.map(({ subject }) => subject));
  const known = await listed(root);
  const unlisted = VALUES.filter((_, i) => !known.has(ids[i] as string));
  assert.deepEqual(VALUES.filter((_, i) => named.has(ids[i] as string)).map(what), unlisted.map(what));
  assert.ok(unlisted.length > 20 && unlisted.length < VALUES.length);

  await fsckRepair({ root, driver: null }, { deep: false, jobs: 1 });
  assert.deepEqual(await check(root), []);
  const mended = await listed(root);
  assert.deepEqual(VALUES.filter((_, i) => !mended.has(ids[i] as string)).map(what), []);
});

it("writes a hostconfig.json anew for which dockerd does not list a container, or does not start", {
  skip: oracle("root", "dockerd"),
}, async () => {
  using work = scratch("fsck-hostconfig");
  const root = work.join("root");
  const ids = await createContainers(root, UNREADABLE.length + 1);
  const path = (id: string) => join(root, "containers", id, "hostconfig.json");
  for (const [i, damage] of UNREADABLE.entries()) damage(path(ids[i] as string));
  rmSync(path(ids.at(-1) as string));
  const damaged = ids.slice(0, -1);
  const problems = await check(root);
  assert.deepEqual([...new Set(problems.map(({ code }) => code))], ["CONTAINER_CONFIG_UNREADABLE"]);
  assert.deepEqual(problems.map(({ subject }) => subject).sort(), [...damaged].sort());
  const known = await listed(root);
  assert.deepEqual(
    ids.filter((id) => !known.has(id)),
    damaged,
  );

  const crashing = ids.at(-1) as string;
  const config = join(root, "containers", crashing, "config.v2.json");
  const sound = readFileSync(config, "utf8");
  for (const [key, value] of [
    ["MountPoints", { "/x": null }],
    ["StreamConfig", null],
  ] as const) {
    put(config, [key], value);
    assert.equal(await codeOf(root, crashing), "CONTAINER_CONFIG_CRASHES");
    await assert.rejects(listed(root), /did not start.*nil pointer/s);
    writeFileSync(config, sound);
  }
  writeFileSync(path(crashing), "null");
  assert.equal(await codeOf(root, crashing), "CONTAINER_CONFIG_CRASHES");
  await assert.rejects(listed(root), /did not start/);

  await fsckRepair({ root, driver: null }, { deep: false, jobs: 1 });
  assert.deepEqual(await check(root), []);
  const mended = await listed(root);
  assert.deepEqual(
    ids.filter((id) => !mended.has(id)),
    [],
  );
});
