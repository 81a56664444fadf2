/** What the files of a root tell of when something happened. */
import assert from "node:assert/strict";
import { linkSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Timeline } from "../../src/audit/timeline.js";
import { fileLine } from "../../src/audit/timeline-bodyfile.js";
import { deletionTime, eventsOf, type FileFact } from "../../src/audit/timeline-event.js";
import { openStore } from "../../src/store/store.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { APP, buildRoot, examine, type FsckRoot } from "./root.js";

let work: Scratch;
let root: FsckRoot;
before(async () => {
  work = scratch("timeline", 0);
  await buildRoot(work.join("root"));
  root = await examine(work.join("root"));
  const config = JSON.parse(readFileSync(root.config, "utf8")) as { State: Record<string, unknown> };
  config.State = { ...config.State, StartedAt: "2024-05-01T10:00:00.5Z", FinishedAt: "2024-05-01T12:00:00+02:00" };
  writeFileSync(root.config, JSON.stringify(config));
  utimesSync(join(root.rw, "diff/written"), 1_600_000_000, 1_600_000_001);
});
after(() => work[Symbol.dispose]());

async function ask(target: string | null) {
  await using store = await openStore({ root: root.path, driver: null });
  const timeline = new Timeline(store, target);
  const events = timeline.events();
  return { events, facts: [...timeline.files()], warnings: timeline.warnings };
}

const STAT = {
  mode: 0o100644,
  nlink: 1,
  uid: 7,
  gid: 8,
  identity: "0:1:42",
  size: 5,
  blocks: 8,
  atime: { sec: 1, nsec: 0 },
  mtime: { sec: 2, nsec: 0 },
  ctime: { sec: 3, nsec: 0 },
  rdevMajor: 0,
  rdevMinor: 0,
};
const fact = (over: Partial<FileFact>): FileFact => ({
  container: "c",
  label: "web",
  path: "/a",
  kind: "file",
  type: "file",
  stat: STAT,
  directoryTime: { sec: 9, nsec: 0 },
  opaque: false,
  ...over,
});

describe("timeline", () => {
  it("of a container: its image, its life, its files, in order of time", async () => {
    const { events, warnings } = await ask("web");
    assert.deepEqual(warnings, []);
    const times = events.map(({ time }) => Date.parse(time));
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    );
    const [modified] = events.filter(({ kind, path }) => kind === "file-modified" && path === "/written");
    assert.deepEqual(
      [modified?.time, modified?.container, modified?.size],
      ["2020-09-13T12:26:41Z", root.container, 16],
    );
    const at = (kind: string) => events.find((event) => event.kind === kind)?.time;
    assert.equal(at("image-created"), "2020-02-02T02:02:02Z");
    assert.equal(at("container-started"), "2024-05-01T10:00:00.5Z");
    assert.equal(at("container-finished"), "2024-05-01T10:00:00Z");
    assert.ok(events.some(({ kind, path }) => kind === "file-changed" && path === "/written"));
    assert.equal(events.filter(({ kind }) => kind === "layer-stored").length, root.layers.length);
  });

  it("of an image: its steps, its layers' arrival, its last name, and no files", async () => {
    const { events, facts } = await ask("child:1");
    assert.deepEqual(facts, []);
    const kinds = new Set(events.map(({ kind }) => kind));
    assert.deepEqual([...kinds].sort(), ["image-created", "image-tagged", "layer-stored"]);
    assert.equal(events.find(({ kind }) => kind === "image-tagged")?.time, "2026-11-23T06:19:21.81933007Z");
    assert.deepEqual((await ask(APP)).facts, []);
  });

  it("of everything tells of a layer once, and of containers whose config is lost", async () => {
    const config = readFileSync(root.config);
    rmSync(root.config);
    const { events, warnings } = await ask(null);
    writeFileSync(root.config, config);
    const stored = events.filter(({ kind }) => kind === "layer-stored").map(({ chainId }) => chainId);
    assert.equal(new Set(stored).size, stored.length);
    assert.ok(events.some(({ path, container }) => path === "/written" && container === root.container));
    assert.ok(warnings.some(({ message }) => message.includes("config.v2.json")));
  });

  it("has log files, also rotated ones", async () => {
    const dir = join(root.path, "containers", root.container);
    const logs = [`${root.container}-json.log`, `${root.container}-json.log.1`].map((name) => join(dir, name));
    for (const log of logs) writeFileSync(log, "{}\n");
    mkdirSync(join(dir, `${root.container}-json.log.2`));
    const { events } = await ask("web");
    assert.deepEqual(
      events
        .filter(({ kind }) => kind === "log-written")
        .map(({ path }) => path)
        .sort(),
      logs,
    );
    for (const log of logs) rmSync(log);
    rmSync(join(dir, `${root.container}-json.log.2`), { recursive: true });
  });

  it("goes on without a read-write layer that is missing, and says so", async () => {
    const mountId = join(root.mount, "mount-id");
    const saved = readFileSync(mountId);
    rmSync(mountId);
    const { events, warnings } = await ask("web");
    writeFileSync(mountId, saved);
    assert.ok(events.some(({ kind }) => kind === "container-created"));
    assert.ok(warnings.some(({ message }) => message.includes("its files are left out")));
  });

  it("tells once of a file that has two names by each of them", async () => {
    linkSync(join(root.rw, "diff/written"), join(root.rw, "diff/again"));
    const { events } = await ask("web");
    rmSync(join(root.rw, "diff/again"));
    assert.deepEqual(
      events
        .filter(({ kind }) => kind === "file-modified")
        .map(({ path }) => path)
        .sort(),
      ["/again", "/written"],
    );
  });
});

describe("the time of a deletion", () => {
  const whiteout = (nlink: number, directory: number) =>
    fact({
      kind: "deleted",
      type: "whiteout",
      stat: { ...STAT, nlink, ctime: { sec: 50, nsec: 0 } },
      directoryTime: { sec: directory, nsec: 0 },
    });

  it("is the whiteout's own where it has its own inode", () => {
    assert.deepEqual(deletionTime(whiteout(1, 9)), { at: { sec: 2, nsec: 0 }, exact: true });
  });

  it("is at the latest the last one of all, and the last change of its directory, where the inode is shared", () => {
    assert.deepEqual(deletionTime(whiteout(3, 9)), { at: { sec: 9, nsec: 0 }, exact: false });
    assert.deepEqual(deletionTime(whiteout(3, 90)), { at: { sec: 50, nsec: 0 }, exact: false });
    assert.deepEqual(
      eventsOf(whiteout(3, 9)).map(({ event }) => [event.kind, event.exact]),
      [["file-deleted", false]],
    );
  });
});

describe("the body file", () => {
  it("has eleven fields a line, whatever a name has", () => {
    const path = "/a|b\\c\nd\x1b[31m";
    const line = fileLine(fact({ path }));
    assert.equal(line, "0|web:/a\\x7cb\\x5cc\\x0ad\\x1b[31m|42|r/rrw-r--r--|7|8|5|1|2|3|0");
    assert.equal(line.split("|").length, 11);
  });

  it("writes types and special bits as ls does", () => {
    const mode = (type: FileFact["type"], bits: number) =>
      fileLine(fact({ type, stat: { ...STAT, mode: bits } })).split("|")[3];
    assert.equal(mode("directory", 0o41777), "d/drwxrwxrwt");
    assert.equal(mode("file", 0o104755), "r/rrwsr-xr-x");
    assert.equal(mode("file", 0o102640), "r/rrw-r-S---");
    assert.equal(mode("symlink", 0o120777), "l/lrwxrwxrwx");
  });

  it("marks what was deleted, as fls does", () => {
    const line = fileLine(fact({ kind: "deleted", type: "whiteout" }));
    assert.equal(line, "0|web:/a (deleted)|42|-/----------|7|8|0|0|0|2|0");
  });
});
