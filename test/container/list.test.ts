import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { containerTable } from "../../src/cli/views/containers.js";
import { createContainer } from "../../src/container/create.js";
import { inspectContainer } from "../../src/container/inspect.js";
import { listContainers } from "../../src/container/list.js";
import { portsOf } from "../../src/container/ports.js";
import { removeContainers } from "../../src/container/remove.js";
import { removeImages } from "../../src/store/remove.js";
import { findContainer, resolveContainer } from "../../src/store/resolve-container.js";
import { openStore, type Store } from "../../src/store/store.js";
import { tagImage } from "../../src/store/tag.js";
import { addImage } from "../store/build.js";
import { expectSound } from "../support/expect-sound.js";
import { scratch } from "../support/tmp.js";
import { NOTHING, RUN, rootWithImage, withName } from "./build.js";

/** Changes the config of a container on disk. */
function edit(store: Store, name: string, change: (config: Record<string, unknown>) => void): string {
  const { id } = resolveContainer(store, name);
  const path = join(store.root, "containers", id, "config.v2.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  change(config);
  writeFileSync(path, `${JSON.stringify(config)}\n`);
  store.usersChanged();
  return id;
}

test("containers are listed newest first, running ones unless all are asked for", async () => {
  using work = scratch("list", 0);
  await using store = await rootWithImage(work);
  await createContainer(store, "app:1", withName("older"));
  await createContainer(store, "app:1", withName("newer", { command: ["sh", "-c", "echo a b"] }));
  edit(store, "older", (config) => {
    config["State"] = { Running: true, Pid: process.pid, StartedAt: new Date().toISOString() };
  });
  const names = (all: boolean) => listContainers(store, { all }).containers.map(({ summary }) => summary.name);
  assert.deepEqual(names(false), ["older"]);
  assert.deepEqual(names(true), ["newer", "older"]);
  const { containers, warnings } = listContainers(store, { all: true });
  assert.deepEqual(warnings, []);
  const [first] = containers;
  assert.equal(first?.summary.command, "sh -c 'echo a b'");
  assert.equal(
    first?.summary.dir,
    store.driver.dir(first?.summary.mountId as NonNullable<typeof first>["summary"]["mountId"] & string),
  );
  const table = containerTable(containers, { trunc: true }).split("\n");
  assert.match(
    table[1] ?? "",
    /^[0-9a-f]{12} {3}app:1 {5}"sh -c 'echo a b'" +(?:Less than a second|\d+ seconds?) ago {3}Created .* newer$/,
  );
  assert.match(
    table[2] ?? "",
    /^[0-9a-f]{12} {3}app:1 {5}"\/bin\/sh -c 'sleep 1'" .* Up (?:Less than a second|\d+ seconds?) .* older$/,
  );
});

test("a command is cut by the width that it takes, and quoted as docker quotes it", async () => {
  using work = scratch("list", 0);
  await using store = await rootWithImage(work);
  const commands = ["日本語日本語日本語日本語", "sh\x1b[31m\x07", "12345678901234567é9é"];
  for (const command of commands) await createContainer(store, "app:1", { ...NOTHING, command: [command] });
  const shown = (trunc: boolean) => {
    const lines = containerTable(listContainers(store, { all: true }).containers, { trunc })
      .split("\n")
      .slice(1);
    return lines.map((line) => /"(.*)"/.exec(line)?.[0]).reverse();
  };
  assert.deepEqual(shown(true), ['"日本語日本語日本語…"', '"sh\\x1b[31m\\a"', '"12345678901234567é9é"']);
  assert.deepEqual(shown(false), ['"日本語日本語日本語日本語"', '"sh\\x1b[31m\\a"', '"12345678901234567é9é"']);
});

test("an image that has lost its name is shown by its id", async () => {
  using work = scratch("list", 0);
  await using store = await rootWithImage(work);
  const { id } = await createContainer(store, "app:1", NOTHING);
  const image = () => listContainers(store, { all: true }).containers[0]?.summary.image;
  const { imageId } = resolveContainer(store, id);
  assert.equal(image(), "app:1");
  const other = addImage(store, ["base"], { names: [], config: RUN });
  tagImage(store, other.id, "app:1");
  assert.equal(image(), imageId);
  const [row] = containerTable(listContainers(store, { all: true }).containers, { trunc: true })
    .split("\n")
    .slice(1);
  assert.ok(row?.includes(` ${imageId?.slice(7, 19)} `), row);
});

test("what is marked as running without a process has exited, and that is told", async () => {
  using work = scratch("list", 0);
  await using store = await rootWithImage(work);
  await createContainer(store, "app:1", withName("lost"));
  edit(store, "lost", (config) => {
    config["State"] = { Running: true, Pid: 2 ** 22 + 1, StartedAt: "2024-01-01T00:00:00Z", ExitCode: 0 };
  });
  const { containers, warnings } = listContainers(store, { all: true });
  assert.equal(containers[0]?.summary.state, "exited");
  assert.match(
    warnings[0]?.message ?? "",
    /^container lost is marked as running, but its process is gone: .* killed, or the root was copied while it ran/,
  );
  const { inspect } = inspectContainer(store, resolveContainer(store, "lost"));
  const { Status, Running, Pid } = inspect["State"] as Record<string, unknown>;
  assert.deepEqual([Status, Running, Pid], ["exited", false, 0]);
});

test("a copy of a container's directory under another name hides it from nobody", async () => {
  using work = scratch("list", 0);
  await using store = await rootWithImage(work);
  const { id } = await createContainer(store, "app:1", withName("web"));
  const copy = "0".repeat(64);
  cpSync(join(store.root, "containers", id), join(store.root, "containers", copy), { recursive: true });
  await using root = await openStore({ root: store.root, driver: null });
  assert.equal(resolveContainer(root, "web").id, id);
  const { containers, warnings } = listContainers(root, { all: true });
  assert.deepEqual(
    containers.map(({ summary }) => summary.id),
    [id],
  );
  assert.match(warnings[0]?.message ?? "", new RegExp(`^container ${copy} is left out: .* copy of .* ${id}`));
  assert.throws(() => resolveContainer(root, copy), { message: /is a copy of/ });
});

test("a name is that of the container which has layers", async () => {
  using work = scratch("list", 0);
  await using store = await rootWithImage(work);
  const made = [];
  for (const name of ["one", "two"]) made.push(await createContainer(store, "app:1", withName(name)));
  const [lost = "", kept = ""] = made.map(({ id }) => id).sort();
  rmSync(join(store.layers.path, "mounts", lost), { recursive: true });
  for (const name of ["one", "two"]) edit(store, name, (config) => (config["Name"] = "/web"));
  await using root = await openStore({ root: store.root, driver: null });
  assert.equal(resolveContainer(root, "web").id, kept);
  assert.equal(resolveContainer(root, lost).id, lost);
});

test("a container is found by name, id and the beginning of its id", async () => {
  using work = scratch("list", 0);
  await using store = await rootWithImage(work);
  const ids: string[] = [];
  while (new Set(ids.map((id) => id[0])).size === ids.length)
    ids.push((await createContainer(store, "app:1", NOTHING)).id);
  const last = ids.at(-1) ?? "";
  assert.equal(resolveContainer(store, last).id, last);
  assert.equal(resolveContainer(store, last.slice(0, 20)).id, last);
  assert.throws(() => resolveContainer(store, last.slice(0, 1)), { code: "AMBIGUOUS" });
  assert.throws(() => resolveContainer(store, "nobody"), { code: "NOT_FOUND", message: /no such container/ });
  assert.equal(findContainer(store, ""), null);
});

test("a missing init layer is diagnosed by all who meet it, and the container can be removed", async () => {
  using work = scratch("list", 0);
  await using store = await rootWithImage(work);
  const { id } = await createContainer(store, "app:1", withName("web"));
  const { mount } = resolveContainer(store, id);
  const init = store.driver.dir(mount?.initId as NonNullable<typeof mount>["initId"] & string);
  rmSync(init, { recursive: true });
  const diagnosis = /^container web has lost its init layer: .*-init, .* "ovl fsck --repair" makes it again$/;
  assert.match(listContainers(store, { all: true }).warnings[0]?.message ?? "", diagnosis);
  const { inspect, warnings } = inspectContainer(store, resolveContainer(store, id));
  assert.match(warnings[0]?.message ?? "", diagnosis);
  assert.equal(inspect["Name"], "/web");
  assert.deepEqual((await removeContainers(store, ["web"])).removed, [id]);
  assert.deepEqual(readdirSync(join(store.root, "containers")), []);
  expectSound(store.root);
});

test("documents that were written by hand are filled in as dockerd fills them in", async () => {
  using work = scratch("list", 0);
  await using store = await rootWithImage(work);
  const { id } = await createContainer(store, "app:1", withName("web"));
  const dir = join(store.root, "containers", id);
  const minimal = { ID: id, Driver: "overlay2", Config: { Image: "app:1" }, NetworkSettings: {} };
  writeFileSync(join(dir, "config.v2.json"), JSON.stringify(minimal));
  rmSync(join(dir, "hostconfig.json"));
  store.usersChanged();
  const { inspect, warnings } = inspectContainer(store, resolveContainer(store, id));
  assert.deepEqual(warnings, []);
  assert.equal(inspect["Created"], "0001-01-01T00:00:00Z");
  const { LogConfig, MaskedPaths, ConsoleSize } = inspect["HostConfig"] as Record<string, unknown>;
  assert.deepEqual([LogConfig, MaskedPaths, ConsoleSize], [{ Type: "json-file", Config: {} }, null, [0, 0]]);
  assert.deepEqual((inspect["NetworkSettings"] as Record<string, unknown>)["Ports"], {});
  writeFileSync(join(dir, "hostconfig.json"), "{");
  assert.match(inspectContainer(store, resolveContainer(store, id)).warnings[0]?.message ?? "", /hostconfig\.json/);
});

test("the image that a container uses stays", async () => {
  using work = scratch("list", 0);
  await using store = await rootWithImage(work);
  await createContainer(store, "app:1", withName("web"));
  const [failure] = removeImages(store, ["app:1"]).failures;
  assert.equal(failure?.code, "IN_USE");
  assert.match(failure?.message ?? "", /which container web uses/);
  await removeContainers(store, ["web"]);
  assert.deepEqual(removeImages(store, ["app:1"]).failures, []);
  assert.deepEqual(store.driver.list(), []);
  expectSound(store.root);
});

test("ports are those of docker's column", () => {
  const Ports = {
    "443/tcp": null,
    "80/tcp": [
      { HostIp: "0.0.0.0", HostPort: "8080" },
      { HostIp: "::", HostPort: "8080" },
    ],
    "53/udp": [{ HostIp: "", HostPort: "53" }],
  };
  const text = "0.0.0.0:53->53/udp, 0.0.0.0:8080->80/tcp, :::8080->80/tcp, 443/tcp";
  assert.equal(portsOf({ NetworkSettings: { Ports } }), text);
  assert.equal(portsOf({ NetworkSettings: { Ports: null } }), "");
  assert.equal(portsOf({}), "");
});

test("a root that is only read is listed without a trace", async () => {
  using work = scratch("list", 0);
  const store = await rootWithImage(work);
  await createContainer(store, "app:1", withName("web"));
  await store[Symbol.asyncDispose]();
  await using reader = await openStore({ root: store.root, driver: null });
  assert.equal(listContainers(reader, { all: true }).containers.length, 1);
});
