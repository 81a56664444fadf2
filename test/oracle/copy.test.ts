/** `docker cp` and `ovl cp` of the same things to the same places, in containers of one image: the same outcome. */
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openRootfs } from "../../src/rootfs/open.js";
import { tarOf } from "../../src/rootfs/tar.js";
import { openStore } from "../../src/store/store.js";
import { TarReader } from "../../src/tar/reader.js";
import { type Dockerd, startDockerd } from "../support/dockerd.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { ovl } from "../support/ovl.js";
import { repoPath } from "../support/repo.js";
import { run, runOk } from "../support/run.js";
import { readAll, sourceOf } from "../support/sources.js";
import { dir, file, layer, symlink } from "../support/tar-builder.js";
import { diskScratch, type Scratch } from "../support/tmp.js";

const skip = oracle("root", "dockerd", "gnu-tar");
const OLD = 1_000_000_000;

const below = layer(
  dir("etc/", { mode: 0o750, uid: 3 }),
  file("etc/passwd", "root"),
  dir("usr/"),
  dir("usr/bin/"),
  file("usr/bin/tool", "tool", { mode: 0o4755, uid: 5, gid: 6 }),
  symlink("bin", "usr/bin"),
  symlink("passwd", "etc/passwd"),
  symlink("broken", "etc/nowhere"),
  dir("data/"),
  dir("data/dir/", { mode: 0o700, uid: 9 }),
  file("data/dir/one", "one"),
  file("data/file", "lower"),
  symlink("data/link", "dir"),
);

/** Into a container: what and where to, `-` for a tar. Paths of the source are below a directory of this machine. */
const INTO: readonly (readonly [source: string, destination: string])[] = [
  ["file", "/"],
  ["file", "/new"],
  ["file", "/data/file"],
  ["file", "/data/dir"],
  ["file", "/data/dir/"],
  ["file", "/data/link/under-link"],
  ["file", "/bin/through-link"],
  ["file", "/passwd"],
  ["file", "/broken"],
  ["file", "/nowhere/"],
  ["file", "/no/such/directory"],
  ["dir", "/"],
  ["dir", "/data"],
  ["dir/", "/new"],
  ["dir/.", "/new"],
  ["dir/.", "/data"],
  ["dir", "/data/file"],
  ["dir", "/no/such/directory"],
  ["clash/.", "/data"],
  ["link", "/data"],
  ["-", "/data"],
  ["-", "/data/file"],
];

/** Where docker lets nothing be copied to: its own files, and what is mounted read-only. */
const REFUSED = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/mnt", "/mnt/file"];
const FILES = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"];

/** Out of a container, each to a place below a directory in which `there/` and `file` are. */
const OUT: readonly (readonly [flags: readonly string[], source: string, destination: string])[] = [
  [[], "/data/file", "there"],
  [[], "/data/file", "new"],
  [[], "/data/file", "file"],
  [[], "/data/file", "new/"],
  [[], "/data", "there"],
  [[], "/data", "new"],
  [[], "/data/.", "new"],
  [[], "/data/.", "there"],
  [[], "/data", "file"],
  [[], "/data/link", "there"],
  [[], "/data/link/", "there"],
  [["-L"], "/data/link", "there"],
  [["-L"], "/passwd", "new"],
  [[], "/usr/bin/tool", "there"],
  [[], "/nothing", "there"],
  [[], "/data/file", "no/such/directory"],
];

describe("copies", { skip }, () => {
  let place: Scratch;
  let daemon: Dockerd;
  const results = new Map<string, { failed: boolean; entries: unknown[] }>();

  before(async () => {
    if (skip) return;
    place = diskScratch("copy");
    makeSources(place.dir("from"));
    await runOk("tar", ["-cf", place.join("stream.tar"), "-C", place.join("from/dir"), "."]);
    daemon = await startDockerd(place.dir("root"));
    const built = image({ names: ["base:1"], layers: [below] });
    assert.equal(await daemon.load(archive(dockerArchive([built]))), null);
    await daemon.dockerOk(["create", "--name", "out", "--network=none", "base:1", "/x"]);
    for (const [i, [source, destination]] of INTO.entries()) {
      for (const who of ["docker", "ovl"]) {
        await daemon.dockerOk(["create", "--name", `${who}${i}`, "--network=none", "base:1", "/x"]);
      }
      const { status } = await daemon.docker(
        ["cp", ...given(source, `docker${i}:${destination}`)],
        await input(source),
      );
      const tar = await daemon.docker(["export", `docker${i}`]);
      results.set(`docker${i}`, { failed: status !== 0, entries: entriesOf(tar.stdout) });
    }
    for (const [i, [flags, source, destination]] of OUT.entries()) {
      const target = makeTarget(place.dir("docker", String(i)));
      const { status } = await daemon.docker([
        "cp",
        ...flags,
        `out:${source}`,
        join(target, destination) + slash(destination),
      ]);
      results.set(`out${i}`, { failed: status !== 0, entries: await treeOf(target) });
    }
    // It has no program, but docker makes the files of a container that it tries to start.
    const volumes = ["-v", "state:/data", "-v", `${place.join("from/dir")}:/mnt:ro`];
    await daemon.dockerOk([
      "create",
      "--name",
      "mounted",
      "--network=none",
      "--add-host=a:10.0.0.1",
      ...volumes,
      "base:1",
      "/x",
    ]);
    await daemon.docker(["start", "mounted"]);
    for (const [i, path] of REFUSED.entries()) {
      const { status } = await daemon.docker(["cp", place.join("from/file"), `mounted:${path}`]);
      results.set(`refused${i}`, { failed: status !== 0, entries: [] });
    }
    for (const path of FILES) {
      const { stdout } = await daemon.docker(["cp", `mounted:${path}`, "-"]);
      results.set(path, { failed: false, entries: entriesOf(stdout) });
    }
    await daemon.stop();
  });
  after(async () => {
    await daemon?.stop();
    place?.[Symbol.dispose]();
  });

  const given = (source: string, destination: string) => [
    source === "-" ? "-" : `${place.join("from")}/${source}`,
    destination,
  ];
  const input = async (source: string) =>
    source === "-" ? { input: await runOk("cat", [place.join("stream.tar")]) } : {};

  for (const [i, [source, destination]] of INTO.entries()) {
    it(`of ${source} into a container's ${destination}`, async () => {
      const args = ["cp", ...given(source, `ovl${i}:${destination}`), "--root", daemon.root];
      const { status, stderr } = await ovl(args, await input(source));
      const expected = results.get(`docker${i}`);
      assert.equal(status !== 0, expected?.failed, stderr);
      assert.notEqual(status, 70, stderr);
      const store = await openStore({ root: daemon.root, driver: null });
      using opened = openRootfs(store, `ovl${i}`);
      const found = entriesOf(Buffer.concat(Array.from(tarOf(opened.union), (bytes) => Buffer.from(bytes))));
      assert.deepEqual(found, expected?.entries);
    });
  }

  for (const [i, [flags, source, destination]] of OUT.entries()) {
    it(`of a container's ${source} to ${destination} ${flags.join(" ")}`, async () => {
      const target = makeTarget(place.dir("ovl", String(i)));
      const to = join(target, destination) + slash(destination);
      const { status, stderr } = await ovl(["cp", ...flags, `out:${source}`, to, "--root", daemon.root]);
      const expected = results.get(`out${i}`);
      assert.equal(status !== 0, expected?.failed, stderr);
      assert.notEqual(status, 70, stderr);
      assert.deepEqual(await treeOf(target), expected?.entries);
    });
  }

  for (const [i, path] of REFUSED.entries()) {
    it(`to ${path}, where something is mounted, are refused`, async () => {
      assert.equal(results.get(`refused${i}`)?.failed, true);
      const { status, stderr } = await ovl(["cp", place.join("from/file"), `mounted:${path}`, "--root", daemon.root]);
      assert.equal(status, 2, stderr);
    });
  }

  for (const path of FILES) {
    it(`of ${path} are of the file that docker made`, async () => {
      const { stdout } = await run(process.execPath, [
        repoPath("bin/run.js"),
        "cp",
        `mounted:${path}`,
        "-",
        "--root",
        daemon.root,
      ]);
      assert.deepEqual(entriesOf(stdout), results.get(path)?.entries);
    });
  }

  it("of a volume are refused with its place, and none of it is in the layers", async () => {
    const { status, stderr } = await ovl(["cp", "mounted:/data/dir", "-", "--root", daemon.root]);
    assert.equal(status, 2);
    assert.match(
      stderr,
      /\/data of container mounted is the volume state, .* copy from .*\/volumes\/state\/_data instead$/m,
    );
    assert.ok(existsSync(join(daemon.root, "volumes/state/_data/dir/one")));
  });
});

/** What `join` takes away. */
function slash(path: string): string {
  return path.endsWith("/") ? "/" : "";
}

function makeSources(from: string): void {
  for (const name of ["dir/inner", "clash/dir/one"]) mkdirSync(join(from, name), { recursive: true });
  for (const name of ["file", "dir/file", "dir/inner/deep"]) writeFileSync(join(from, name), name);
  linkSync(join(from, "dir/file"), join(from, "dir/second"));
  symlinkSync("file", join(from, "link"));
  symlinkSync("/nowhere", join(from, "dir/symlink"));
  chmodSync(join(from, "file"), 0o4711);
  chownSync(join(from, "file"), 12, 13);
  chmodSync(join(from, "dir/inner"), 0o1770);
  for (const name of readdirSync(from, { recursive: true, encoding: "utf8" })) lutimesSync(join(from, name), OLD, OLD);
}

function makeTarget(target: string): string {
  mkdirSync(join(target, "there"));
  writeFileSync(join(target, "file"), "before");
  return target;
}

async function treeOf(directory: string): Promise<unknown[]> {
  return entriesOf(await runOk("tar", ["-c", "--sort=name", "--numeric-owner", "-C", directory, "."]));
}

/** Every entry with what it says; times only of what was not written just now. */
function entriesOf(tar: Buffer): unknown[] {
  const reader = new TarReader(sourceOf(tar));
  const entries: unknown[] = [];
  for (let entry = reader.next(); entry !== null; entry = reader.next()) {
    const content = readAll(reader.payload()).toString("latin1");
    const mtime = entry.mtime.sec > OLD + 1 ? null : entry.mtime;
    entries.push({ ...entry, xattrs: [...entry.xattrs], mtime, content });
  }
  return entries;
}
