/**
 * A container that dockerd runs, 60 changes made inside it, and then the questions that docker and ovl both answer:
 * what has changed, what it exports, and which layer a commit makes of it.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { get } from "node:http";
import { after, before, describe, it } from "node:test";
import { openRootfs } from "../../src/rootfs/open.js";
import { tarOf } from "../../src/rootfs/tar.js";
import { openStore } from "../../src/store/store.js";
import { TarReader } from "../../src/tar/reader.js";
import { type Dockerd, startDockerd } from "../support/dockerd.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { runOk } from "../support/run.js";
import { sourceOf } from "../support/sources.js";
import { char, dir, file, hardlink, layer, opaque, symlink, whiteout } from "../support/tar-builder.js";
import { diskScratch, type Scratch } from "../support/tmp.js";

const skip = oracle("root", "dockerd", "busybox", "setfattr");
const DIRS = ["d", "deep/er/est", "emptied", "keep", "moved", "recreated", "replaced", "touched"];
const APPLETS = "chmod chown cp dd ln mkdir mkfifo mknod mv rm rmdir sh sleep touch truncate".split(" ");
const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

const base = (busybox: Uint8Array) =>
  layer(
    dir("bin/"),
    file("bin/busybox", busybox, { mode: 0o755 }),
    ...APPLETS.map((name) => symlink(`bin/${name}`, "busybox")),
    dir("etc/"),
    file("etc/passwd", "root:x:0:0::/:/bin/sh\n"),
    ...["deep/", "deep/er/", ...DIRS.map((name) => `${name}/`)].map((name) => dir(name)),
    ...DIRS.flatMap((name) => names(`${name}/f`, 4).map((path) => file(path, path))),
    ...names("file", 12).map((path) => file(path, path)),
    hardlink("linked", "file11"),
    file("suid", "s", { mode: 0o4755, uid: 7, gid: 8 }),
    file("gone-from-image", "x"),
    symlink("symlink", "file0"),
    char("null", 1, 3, { mode: 0o666 }),
  );
const above = layer(
  whiteout("gone-from-image"),
  dir("replaced/"),
  opaque("replaced"),
  file("replaced/above", "y"),
  file("file10", "above"),
);

/** One change a line. */
const SCRIPT = `
echo new > /new
echo more >> /file0
chmod 600 /file1
chown 5:6 /file2
rm /file3
rm /file4 && echo again > /file4
mv /file5 /file5-moved
ln /file6 /file6-link
ln -s file6 /new-symlink
touch -d 2001-02-03 /file7
truncate -s 0 /file8
: >> /file9
cp /file10 /copied
echo x >> /linked
rm /symlink && ln -s elsewhere /symlink
chmod 755 /suid
chown 0:0 /suid
rm /null
mknod /null c 1 5
mknod /block b 7 200
mkfifo /pipe
mkdir /newdir
mkdir -p /newdir/a/b/c
echo y > /newdir/a/b/c/file
rm -r /d
rm -r /recreated && mkdir /recreated
echo z > /recreated/f1
rm -r /replaced && echo file > /replaced
rm /keep/f0 && mkdir /keep/f0
echo in > /keep/f0/in
mkdir /keep/f9 && rmdir /keep/f9
rm /keep/f1
echo > /keep/f1
rm /keep/f1
chmod 711 /touched
chown 9 /touched
chmod 755 /touched && chown 0 /touched
echo more >> /deep/er/est/f0
rm /deep/er/est/f1
rm /emptied/*
mkdir /renamed-from && mv /renamed-from /renamed-to
cp -r /moved /moved-copy && rm -r /moved
mv /moved-copy /moved
mv /moved/f0 /moved/f0-renamed
mv /moved/f1 /deep/f1-from-moved
echo a > /a-b && mkdir /a && echo b > /a/b
echo 1 > "/new line
in name"
mkdir -m 1777 /sticky
mkdir -m 2755 /setgid && echo x > /setgid/x
echo s > /setuid && chmod 4711 /setuid
ln /newdir/a/b/c/file /newdir/hard
rm /newdir/a/b/c/file
echo user > /tmp-file && rm /tmp-file
ln /deep/er/est/f2 /deep/second-name
rm /deep/er/est/f2
rm /etc/passwd
echo x > /etc/hosts
dd if=/dev/zero of=/sparse bs=1 count=1 seek=100000 2>/dev/null
echo text > /\u00fc
mkdir /etc/passwd
mkdir -p ${`/${"long-name-of-a-directory/".repeat(6)}`}
echo x > ${`/${"long-name-of-a-directory/".repeat(6)}end`}
`;

describe("after 60 changes in a running container", { skip }, () => {
  let place: Scratch;
  let daemon: Dockerd;

  before(async () => {
    if (skip) return;
    place = diskScratch("changes");
    daemon = await startDockerd(place.dir("root"));
    const busybox = readFileSync((await runOk("which", ["busybox"])).toString("utf8").trim());
    const built = image({ names: ["box:1"], layers: [base(busybox), above] });
    assert.equal(await daemon.load(archive(dockerArchive([built]))), null);
    await daemon.dockerOk([
      ...["run", "-d", "--name", "box", "--network=none", "--hostname=box"],
      "box:1",
      "/bin/sh",
      "-c",
      WAIT,
    ]);
    await daemon.dockerOk(["exec", "-i", "box", "sh", "-e"], { input: Buffer.from(SCRIPT) });
    const merged = (await daemon.dockerOk(["inspect", "-f", "{{.GraphDriver.Data.MergedDir}}", "box"])).trim();
    await runOk("setfattr", ["-n", "user.note", "-v", "x", `${merged}/new`]);
    await runOk("setfattr", ["-n", "security.capability", "-v", CAPABILITY, `${merged}/touched/f0`]);
    await runOk("touch", ["-r", `${merged}/touched/f1`, `${merged}/touched/f0`]);
  });
  after(async () => {
    await daemon?.stop();
    place?.[Symbol.dispose]();
  });

  it("docker diff and ovl diff list the same", async () => {
    const told = JSON.parse((await call(daemon, "/containers/box/changes")).toString("utf8")) as DockerChange[];
    const docker = told.map(({ Kind, Path }) => `${Path} ${"CAD"[Kind]}`).sort();
    const { json, status, stderr } = await ovlJson<Changes>(["diff", "box", "--root", daemon.root]);
    assert.equal(status, 0, stderr);
    const found = json.changes.map(({ kind, path }) => `${path} ${kind}`);
    assert.deepEqual(found.toSorted(), docker);
    assert.ok(docker.length > 60, `${docker.length} changes`);
    const bytes = json.changes.map(({ path }) => Buffer.from(path));
    assert.deepEqual(bytes.toSorted(Buffer.compare), bytes, "sorted by path");
  });

  it("docker export and ovl export give the same entries", async () => {
    const theirs = entriesOf(await call(daemon, "/containers/box/export"));
    const store = await openStore({ root: daemon.root, driver: null });
    using opened = openRootfs(store, "box");
    const ours = entriesOf(Buffer.concat(Array.from(tarOf(opened.union), (bytes) => Buffer.from(bytes))));
    assert.deepEqual(ours, theirs);
  });

  it("docker commit and ovl commit make the same layer, and the same config around it", async () => {
    const changes = [
      'CMD ["a", "b"]',
      "ENV x=y PATH=/bin",
      "LABEL k=v",
      "EXPOSE 80",
      "VOLUME /v",
      "WORKDIR /w",
      "USER 5",
    ];
    const flags = ["-a", "somebody", "-m", "why", ...changes.flatMap((change) => ["-c", change])];
    const plain = (await daemon.dockerOk(["commit", "--pause=false", "box"])).trim();
    const changed = (await daemon.dockerOk(["commit", "--pause=false", ...flags, "box", "docker:1"])).trim();
    await daemon.dockerOk(["stop", "-t", "5", "box"]);
    await daemon.dockerOk([...["create", "--name", "idle", "--network=none"], "box:1", "/bin/sh"]);
    const idle = (await daemon.dockerOk(["commit", "idle"])).trim();
    await daemon.stop();
    const ours = async (...args: string[]) => {
      const { status, stdout, stderr } = await ovl(["commit", ...args, "--root", daemon.root]);
      assert.equal(status, 0, stderr);
      return stdout.trim();
    };
    for (const [theirs, args] of [
      [plain, ["box"]],
      [changed, [...flags, "box", "ours:1"]],
      [idle, ["idle"]],
    ] as const) {
      const [expected, found] = [imageOf(daemon.root, theirs), imageOf(daemon.root, await ours(...args))];
      assert.deepEqual(found, expected);
    }
    const env = { SOURCE_DATE_EPOCH: "1" };
    const twice = [1, 2].map(() => ovl(["commit", "box", "--root", daemon.root], { env }));
    const [one, two] = await Promise.all(twice);
    assert.match(one?.stdout ?? "", /^sha256:/);
    assert.equal(one?.stdout, two?.stdout);
  });
});

/** The config of an image and its parent, without times and docker's version: keys keep their order. */
function imageOf(root: string, id: string): unknown {
  const place = (kind: string) => `${root}/image/overlay2/imagedb/${kind}/sha256/${id.replace("sha256:", "")}`;
  const text = readFileSync(place("content"), "utf8");
  const config = text.replaceAll(/"(created|docker_version)":"[^"]*"/g, '"$1":""').replace('"docker_version":"",', "");
  return { config, parent: readFileSync(`${place("metadata")}/parent`, "utf8") };
}

/** Ends at once when it is told to. */
const WAIT = "trap exit TERM; sleep 600 & wait";
/** struct vfs_cap_data, version 2, effective, CAP_NET_RAW. */
const CAPABILITY = "0x0100000200200000000000000000000000000000";

interface DockerChange {
  readonly Kind: 0 | 1 | 2;
  readonly Path: string;
}

interface Changes {
  readonly changes: readonly { readonly kind: string; readonly path: string }[];
}

/** The API: the client's lines cannot tell a name with a newline from two names. */
function call(daemon: Dockerd, path: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    get({ socketPath: daemon.socket, path }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve(Buffer.concat(chunks)));
      response.on("error", reject);
    }).on("error", reject);
  });
}

/** Every entry with all that it says. */
function entriesOf(tar: Buffer): unknown[] {
  const reader = new TarReader(sourceOf(tar));
  const entries: unknown[] = [];
  for (let entry = reader.next(); entry !== null; entry = reader.next()) {
    const hash = createHash("sha256");
    const payload = reader.payload();
    for (let bytes = payload.read(); bytes !== null; bytes = payload.read()) hash.update(bytes);
    entries.push({ ...entry, xattrs: [...entry.xattrs], content: hash.digest("hex") });
  }
  return entries;
}
