/**
 * The file systems of the corpus's images, in containers that dockerd made: `docker export` and `ovl export` give the
 * same entries in the same order, and `ovl rootfs` writes what the kernel shows below a mount.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { request } from "node:http";
import { after, before, describe, it } from "node:test";
import { byteStringOf } from "../../src/model/bytes.js";
import { openRootfs } from "../../src/rootfs/open.js";
import { tarOf } from "../../src/rootfs/tar.js";
import { writeOut } from "../../src/rootfs/write-out.js";
import { openStore, type Store } from "../../src/store/store.js";
import { must } from "../../src/sys/errno.js";
import { MNT_DETACH, MS_RDONLY, mount, unmount } from "../../src/sys/mount.js";
import { TarReader } from "../../src/tar/reader.js";
import { compareFacts, type Facts, factsOfMounts } from "../rootfs/facts.js";
import { type Dockerd, startDockerd } from "../support/dockerd.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { sourceOf } from "../support/sources.js";
import { block, char, dir, fifo, file, hardlink, layer, opaque, symlink, whiteout } from "../support/tar-builder.js";
import { diskScratch, removeTree, type Scratch } from "../support/tmp.js";
import { corpus } from "./corpus.js";

const skip = oracle("root", "dockerd", "getfattr");
/** What differs between the drivers is what whiteouts and links become. */
const THEMES = {
  overlay2: ["whiteouts", "names and types", "links and ids", "xattrs"],
  overlay: ["whiteouts", "links and ids"],
} as const;

/** What the corpus has in single layers, over several. */
const STACK = {
  title: "three layers that replace, delete, hide and link",
  names: ["stack:1"],
  layers: [
    layer(
      dir("etc/", { mode: 0o2750, uid: 3, gid: 4 }),
      file("etc/passwd", "root"),
      hardlink("etc/passwd-", "etc/passwd"),
      dir("hidden/"),
      file("hidden/below", "x"),
      dir("was-dir/"),
      file("was-dir/x", "x"),
      file("was-file", "x"),
      file("gone", "x"),
      char("null", 1, 3, { mode: 0o666 }),
      block("disk", 259, 70000),
      fifo("pipe"),
      symlink("link", "etc/passwd", { uid: 7 }),
      file("sparse", Buffer.alloc(300_000)),
    ),
    layer(
      file("was-dir", "now a file"),
      dir("was-file/"),
      file("was-file/inside", "y", { mode: 0o4711, uid: 1000 }),
      whiteout("gone"),
      dir("hidden/", { mode: 0o711 }),
      opaque("hidden"),
      file("hidden/above", "y"),
      whiteout("etc/passwd-"),
      file("name", "long", { pax: { path: `${"long/".repeat(40)}name` } }),
      file(Buffer.from([0x62, 0xff, 0x0a]), "bytes"),
    ),
    layer(file("etc/shadow", "z", { mode: 0 }), file("gone", "again"), file("old", "", { mtime: -5 })),
  ],
};

for (const driver of ["overlay2", "overlay"] as const) {
  describe(`containers that dockerd made with the ${driver} driver`, { skip }, () => compareContainers(driver));
}

function compareContainers(driver: "overlay2" | "overlay"): void {
  let place: Scratch;
  let daemon: Dockerd;
  let store: Store;
  /** Container id by what it shows. */
  const containers = new Map<string, string>();

  before(async () => {
    if (skip) return;
    place = diskScratch("export");
    daemon = await startDockerd(place.dir("root"), driver);
    const stack = image(STACK);
    const images = [{ title: STACK.title, name: stack.id, archive: Buffer.from(archive(dockerArchive([stack]))) }];
    for (const one of THEMES[driver].flatMap((theme) => corpus.get(theme) ?? [])) {
      const [only, second] = one.images;
      if (one.refused !== null || one.apart || only === undefined || second !== undefined) continue;
      images.push({ title: one.title, name: only.id, archive: Buffer.from(one.dockerd) });
    }
    for (const { title, name, archive } of images) {
      if ((await daemon.load(archive)) === null) containers.set(title, await create(daemon, name));
    }
    store = await openStore({ root: daemon.root, driver: null });
  });
  after(async () => {
    await daemon?.stop();
    place?.[Symbol.dispose]();
  });

  it("are exported with docker's entries, in docker's order", async (t) => {
    assert.ok(containers.size > 15, `${containers.size} containers`);
    for (const [title, id] of containers) {
      const theirs = await call(daemon, "GET", `/containers/${id}/export`);
      await t.test(title, () => {
        using opened = openRootfs(store, id);
        const ours = Buffer.concat([...tarOf(opened.union)].map((bytes) => Buffer.from(bytes)));
        assert.deepEqual(entriesOf(ours), entriesOf(theirs));
      });
    }
  });

  it("are written out as the kernel shows them", async (t) => {
    for (const [title, id] of containers) {
      await t.test(title, async () => {
        using opened = openRootfs(store, id);
        const [point, out] = [place.dir("trees", "mount"), place.join("trees", "out")];
        const { warnings } = await writeOut(opened.union, out, { link: "copy" });
        const [overlay, target] = [byteStringOf("overlay"), byteStringOf(point)];
        const options = byteStringOf(`lowerdir=${opened.union.dirs.join(":")}`);
        must(mount(overlay, target, overlay, MS_RDONLY, options), "mount");
        try {
          const trees = factsOfMounts(place.join("trees"), ["mount", "out"]);
          assert.deepEqual(compareFacts(trees.get("mount") as Facts, trees.get("out") as Facts), []);
        } finally {
          unmount(target, MNT_DETACH);
          removeTree(out);
        }
        assert.deepEqual(warnings, []);
      });
    }
  });
}

async function create(daemon: Dockerd, image: string): Promise<string> {
  const body = Buffer.from(JSON.stringify({ Image: image, Cmd: ["/x"], HostConfig: { NetworkMode: "none" } }));
  const answer = await call(daemon, "POST", "/containers/create", body);
  const { Id } = JSON.parse(answer.toString("utf8")) as { Id?: string };
  assert.ok(Id !== undefined, answer.toString("utf8"));
  return Id;
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

/** The API: a client process for each of many containers would take longer than the daemon. */
function call(daemon: Dockerd, method: string, path: string, body?: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "Content-Type": "application/json" };
    const req = request({ socketPath: daemon.socket, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve(Buffer.concat(chunks)));
      response.on("error", reject);
    });
    req.on("error", reject);
    req.end(body);
  });
}
