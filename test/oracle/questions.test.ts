/**
 * `owner`, `du`, `waste` and `timeline` of roots that dockerd wrote, against what dockerd, the kernel and du(1) say of
 * them; and of roots of real machines that others captured.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type RootUse, rootUse } from "../../src/audit/du.js";
import { findOwners, type Owner } from "../../src/audit/owner.js";
import { Timeline } from "../../src/audit/timeline.js";
import type { Waste } from "../../src/audit/waste.js";
import { inspectContainer } from "../../src/container/inspect.js";
import { listContainers } from "../../src/container/list.js";
import type { DriverName } from "../../src/driver/driver.js";
import { imageHistory } from "../../src/store/history.js";
import { listImages } from "../../src/store/images.js";
import { resolveImage } from "../../src/store/resolve.js";
import { resolveContainer } from "../../src/store/resolve-container.js";
import { openStore } from "../../src/store/store.js";
import { type Dockerd, startDockerd } from "../support/dockerd.js";
import { oracle } from "../support/oracles.js";
import { ovlJson } from "../support/ovl.js";
import { repoPath } from "../support/repo.js";
import { type Scratch, scratch } from "../support/tmp.js";

const SIZE = 300_000;

interface Inspected {
  readonly Id: string;
  readonly Created: string;
  readonly State?: { readonly StartedAt: string; readonly FinishedAt: string };
  readonly GraphDriver: { readonly Data: Readonly<Record<string, string>> };
}

async function inspect(dockerd: Dockerd, name: string): Promise<Inspected> {
  const [found] = JSON.parse(await dockerd.dockerOk(["inspect", name])) as Inspected[];
  return found as Inspected;
}

async function owners(root: string, query: string, driver: DriverName | null = null): Promise<readonly Owner[]> {
  await using store = await openStore({ root, driver });
  const found = findOwners(store, [query]);
  if (found.missing !== null) throw found.missing;
  return found.owners;
}

async function use(root: string, driver: DriverName | null = null): Promise<RootUse> {
  await using store = await openStore({ root, driver });
  const { use: found, warnings } = rootUse(store);
  assert.deepEqual(warnings, []);
  return found;
}

function du(path: string, ...options: string[]): number {
  const { stdout } = spawnSync("du", ["-sx", "-B1", ...options, path], { encoding: "utf8" });
  return Number(stdout.split("\t")[0]);
}

/**
 * What looking could change: names, inodes, modes, sizes and times, those of access before find changes them itself.
 */
function state(root: string, times: string): string {
  const { stdout } = spawnSync("find", [root, "-printf", `%p %i %m %U:%G %s ${times}\\n`], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  return stdout;
}

function changes(before: string, after: string): string[] {
  const known = new Set(before.split("\n"));
  return after.split("\n").filter((line) => !known.has(line));
}

/** So long ago that whatever is read without care gets a new time of access. */
function forgetAccess(root: string): void {
  const { status } = spawnSync("find", [root, "-depth", "-exec", "touch", "-h", "-a", "-d", "@946684800", "{}", "+"]);
  assert.equal(status, 0);
}

/** An image whose steps waste what they can, and a container of it that still runs. */
async function fill(dockerd: Dockerd, work: Scratch): Promise<void> {
  const context = work.dir("context");
  copyFileSync("/usr/bin/busybox", join(context, "busybox"));
  for (const name of ["owned", "moved", "gone"]) writeFileSync(join(context, name), name.padEnd(SIZE, name));
  const steps = ["chown 1000:1000 /data/owned", "mv /data/moved /data/elsewhere", "rm /data/gone"];
  writeFileSync(
    join(context, "Dockerfile"),
    [
      "FROM scratch",
      "COPY busybox /bin/busybox",
      "COPY owned moved gone /data/",
      ...steps.map((step) => `RUN ["/bin/busybox", "sh", "-c", "busybox ${step} || /bin/busybox ${step}"]`),
      'CMD ["/bin/busybox", "sleep", "1000"]',
    ].join("\n"),
  );
  await dockerd.dockerOk(["build", "--network=none", "-t", "questions:1", context]);
  const script =
    "/bin/busybox rm /data/owned; echo written > /written; echo logged; while ! [ -e /stop ]; do /bin/busybox sleep 0.1; done";
  await dockerd.dockerOk([
    ...["run", "-d", "--network=none", "--name", "asked", "questions:1"],
    ...["/bin/busybox", "sh", "-c", script],
  ]);
  for (let tries = 0; (await dockerd.dockerOk(["logs", "asked"])) === "" && tries < 100; tries++);
}

describe("questions about a root that dockerd works on", { skip: oracle("root", "dockerd", "busybox") }, () => {
  let work: Scratch;
  let dockerd: Dockerd;
  let root: string;
  before(async () => {
    work = scratch("questions");
    root = work.join("root");
    dockerd = await startDockerd(root);
    await fill(dockerd, work);
  });
  after(async () => {
    await dockerd?.[Symbol.asyncDispose]();
    work?.[Symbol.dispose]();
  });

  it("owner knows every directory that docker inspect names", async () => {
    const image = await inspect(dockerd, "questions:1");
    const container = await inspect(dockerd, "asked");
    const { UpperDir = "", LowerDir = "" } = image.GraphDriver.Data;
    for (const dir of [UpperDir, ...LowerDir.split(":")].filter((path) => path !== "")) {
      const [owner, ...more] = await owners(root, dir);
      assert.deepEqual([owner?.kind, more.length], ["image-layer", 0], dir);
      assert.ok(
        owner?.images.some(({ id }) => id === image.Id),
        dir,
      );
      assert.deepEqual(owner?.containers, [{ id: container.Id, name: "asked" }]);
    }
    const data = container.GraphDriver.Data;
    for (const dir of [data["UpperDir"], data["WorkDir"], `${data["MergedDir"]}/bin/busybox`]) {
      const [owner] = await owners(root, dir ?? "");
      assert.deepEqual([owner?.kind, owner?.containers], ["container", [{ id: container.Id, name: "asked" }]], dir);
      assert.deepEqual(owner?.images, [{ id: image.Id, names: ["questions:1"] }]);
    }
    assert.equal((await owners(root, (data["LowerDir"] ?? "").split(":")[0] ?? ""))[0]?.kind, "container-init");
  });

  it("owner knows the mount of a running container by the kernel's own line", async () => {
    const { Id } = await inspect(dockerd, "asked");
    const lines = readFileSync("/proc/self/mounts", "utf8").split("\n");
    const mounts = lines.filter((line) => line.startsWith("overlay ") && line.includes(`${root}/`));
    assert.equal(mounts.length, 1, mounts.join("\n"));
    const [owner] = await owners(root, mounts[0] ?? "");
    assert.deepEqual([owner?.kind, owner?.containers[0]?.id], ["container", Id]);
  });

  it("du adds up to what du(1) says, also while a container is mounted", async () => {
    const found = await use(root);
    assert.equal(found.total, du(`${root}/overlay2`));
    assert.equal(found.inodes, du(`${root}/overlay2`, "--inodes"));
    assert.deepEqual([found.orphans.count, found.containers.length], [0, 1]);
  });

  it("waste tells what each step has cost", async () => {
    const { json } = await ovlJson<Waste>(["waste", "questions:1", "--root", root]);
    assert.deepEqual(
      json.items.map(({ path, kind, bytes }) => [path, kind, bytes]),
      [
        ["/data/gone", "deleted", SIZE],
        ["/data/moved", "moved", SIZE],
        ["/data/owned", "metadata", SIZE],
      ],
    );
    await dockerd.dockerOk(["save", "-o", work.join("saved.tar"), "questions:1"]);
    const { json: saved } = await ovlJson<Waste>(["waste", work.join("saved.tar")]);
    assert.deepEqual(saved, json);
  });

  it("timeline has the times that docker inspect has, and what the container did", async () => {
    await dockerd.dockerOk(["exec", "asked", "/bin/busybox", "touch", "/stop"]);
    await dockerd.dockerOk(["wait", "asked"]);
    const { Id, Created, State } = await inspect(dockerd, "asked");
    await using store = await openStore({ root, driver: null });
    const timeline = new Timeline(store, "asked");
    const events = timeline.events();
    assert.deepEqual(timeline.warnings, []);
    const times = (kind: string) => events.filter((event) => event.kind === kind).map(({ time }) => time);
    assert.deepEqual(times("container-created"), [Created]);
    assert.deepEqual(times("container-started"), [State?.StartedAt]);
    assert.deepEqual(times("container-finished"), [State?.FinishedAt]);
    assert.equal(times("log-written").length, 1);
    const [deleted, ...others] = events.filter(({ kind }) => kind === "file-deleted");
    assert.deepEqual([deleted?.path, deleted?.container, others], ["/data/owned", Id, []]);
    // dockerd notes the start when the process is already running.
    const between = (time = "") => time >= Created && time <= (State?.FinishedAt ?? "");
    assert.ok(between(deleted?.time), deleted?.time);
    const written = events.find(({ path, kind }) => path === "/written" && kind === "file-modified");
    assert.ok(between(written?.time), written?.time);
  });

  it("owner and du call what is left of a removed entry an orphan", async () => {
    await dockerd.stop();
    const chain = readdirSync(`${root}/overlay2`).find((name) => name !== "l" && !name.endsWith("-init")) ?? "";
    const orphan = "e".repeat(64);
    spawnSync("cp", ["-a", `${root}/overlay2/${chain}`, `${root}/overlay2/${orphan}`]);
    assert.equal((await owners(root, orphan))[0]?.kind, "orphan");
    const found = await use(root);
    assert.deepEqual(found.orphans, { count: 1, size: du(`${root}/overlay2/${orphan}`) });
    assert.equal(found.total, du(`${root}/overlay2`));
  });

  it("leaves every file as it was, to the time of access", async () => {
    const askAll = async () => {
      for (const args of [["owner", "asked"], ["du"], ["waste", "questions:1"], ["timeline", "--all"]]) {
        assert.equal((await ovlJson([...args, "--root", root])).status, 0);
      }
    };
    forgetAccess(root);
    const accessed = state(root, "%T@ %A@");
    const changed = state(root, "%C@");
    await askAll();
    assert.deepEqual(changes(changed, state(root, "%C@")), []);
    forgetAccess(root);
    await askAll();
    // readlink(2) has nothing like O_NOATIME: the short names get a new time of access.
    const left = changes(accessed, state(root, "%T@ %A@")).filter((line) => !line.includes("/overlay2/l/"));
    assert.deepEqual(left, []);
  });
});

/** What the captures have in them, by containers' names; read from their files with jq and ls. */
const CAPTURES: readonly DriverName[] = ["overlay2", "overlay"];

for (const driver of CAPTURES) {
  const archive = repoPath(`../shared/data/docker-explorer-${driver}.tgz`);
  const skip = existsSync(archive) ? false : `needs ${archive}`;

  describe(`questions about a captured root of ${driver}`, { skip }, () => {
    let work: Scratch;
    let root: string;
    before(() => {
      if (skip) return;
      work = scratch("captured", 0);
      // Names of files that the capture lacks are in it as hard links.
      spawnSync("tar", ["xzf", archive, "-C", work.path]);
      root = work.join("docker");
    });
    after(() => work?.[Symbol.dispose]());

    const mounts = () => `${root}/image/${driver}/layerdb/mounts`;
    const configOf = (id: string) => {
      const text = readFileSync(`${root}/containers/${id}/config.v2.json`, "utf8");
      return JSON.parse(text) as { Name: string; Image: string; Created: string; State: { StartedAt: string } };
    };

    it("owner knows each container by where its files were on the machine", async () => {
      for (const id of readdirSync(mounts())) {
        const mountId = readFileSync(`${mounts()}/${id}/mount-id`, "utf8");
        const { Name, Image } = configOf(id);
        const [owner] = await owners(root, `/var/lib/docker/${driver}/${mountId}/merged/etc/passwd`, driver);
        assert.deepEqual([owner?.kind, owner?.cacheId], ["container", mountId]);
        assert.deepEqual(owner?.containers, [{ id, name: Name.slice(1) }]);
        assert.deepEqual(
          owner?.images.map((image) => image.id),
          [Image],
        );
      }
    });

    it("timeline has each container's creation and start", async () => {
      await using store = await openStore({ root, driver });
      const events = new Timeline(store, null).events();
      for (const id of readdirSync(`${root}/containers`)) {
        const { Created, State } = configOf(id);
        const at = (kind: string) => events.find((event) => event.container === id && event.kind === kind)?.time;
        assert.equal(at("container-created"), Created);
        assert.equal(at("container-started"), State.StartedAt.startsWith("0001") ? undefined : State.StartedAt);
      }
    });

    it("du adds up", async () => {
      assert.equal((await use(root, driver)).total, du(`${root}/${driver}`));
    });

    it("history and inspect have the steps of each image, and where each container is mounted", async () => {
      await using store = await openStore({ root, driver });
      const content = `${root}/image/${driver}/imagedb/content/sha256`;
      for (const hex of readdirSync(content)) {
        const { history } = JSON.parse(readFileSync(`${content}/${hex}`, "utf8")) as {
          history: { created_by?: string; created: string }[];
        };
        const steps = imageHistory(store, resolveImage(store, hex)).history.map(({ createdBy, created }) => [
          createdBy,
          created,
        ]);
        assert.deepEqual(steps, history.map(({ created_by, created }) => [created_by ?? "", created]).reverse());
      }
      for (const id of readdirSync(mounts())) {
        const mountId = readFileSync(`${mounts()}/${id}/mount-id`, "utf8");
        const { inspect: found, warnings } = inspectContainer(store, resolveContainer(store, id));
        const { Data } = found["GraphDriver"] as { Data: Record<string, string> };
        const dir = `${root}/${driver}/${mountId}`;
        const upper = driver === "overlay2" ? "diff" : "upper";
        assert.deepEqual(
          [Data["UpperDir"], Data["WorkDir"], Data["MergedDir"], warnings],
          [`${dir}/${upper}`, `${dir}/work`, `${dir}/merged`, []],
        );
        const text = readFileSync(`${dir}/${driver === "overlay2" ? "lower" : "lower-id"}`, "utf8");
        const below =
          driver === "overlay2"
            ? text.split(":").map((link) => join(root, driver, "l", readlinkSync(join(root, driver, link))))
            : [`${root}/${driver}/${text}/root`];
        assert.equal(Data["LowerDir"], below.join(":"));
      }
    });

    it("ps and images have what is in it", async () => {
      await using store = await openStore({ root, driver });
      const ids = readdirSync(`${root}/containers`).sort();
      const containers = listContainers(store, { all: true }).containers.map(({ summary }) => summary);
      assert.deepEqual(containers.map(({ id }) => id).sort(), ids);
      for (const { id, name, created } of containers) {
        assert.deepEqual([`/${name}`, created], [configOf(id).Name, configOf(id).Created]);
      }
      const names = Object.values(
        (
          JSON.parse(readFileSync(`${root}/image/${driver}/repositories.json`, "utf8")) as {
            Repositories: Record<string, Record<string, string>>;
          }
        ).Repositories,
      ).flatMap((repository) => Object.keys(repository));
      const found = listImages(store, { all: true }).images;
      assert.deepEqual(
        found.flatMap(({ repoTags, repoDigests }) => [...repoTags, ...repoDigests]).sort(),
        names.sort(),
      );
    });
  });
}
