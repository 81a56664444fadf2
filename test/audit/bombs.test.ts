/**
 * Roots whose files are larger than they look, or no files: no question reads without end, needs memory by what a file
 * claims to be, or is led out of the root. Each is answered or refused; what is not damaged is answered.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { linkSync, mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { copyRoot } from "../support/copy-root.js";
import { oracle } from "../support/oracles.js";
import { run } from "../support/run.js";
import { END, file } from "../support/tar-builder.js";
import { removeTree, type Scratch, scratch } from "../support/tmp.js";
import { APP, buildRoot, examine, type FsckRoot } from "./root.js";

const WORKER = fileURLToPath(new URL("bombs-worker.js", import.meta.url));
/** Links in `l/`: a million on request, as it takes a minute to make them. */
const LINKS = Number(process.env["OVL_BOMB_LINKS"] ?? 50_000);
const TEN_GIGABYTES = 10 * 2 ** 30;
/** What the same questions take of a sound root is some 120 MiB, most of it Node and its threads. */
const MAX_MIB = 400;

/** One member of gzip that is a megabyte of the same line, over and over. */
function gzipOf(line: string, megabytes: number): Buffer {
  const member = gzipSync(Buffer.alloc(2 ** 20, line), { level: 9 });
  return Buffer.concat(Array.from({ length: megabytes }, () => member));
}

function replaceBy(path: string, make: (path: string) => void): void {
  rmSync(path, { recursive: true, force: true });
  make(path);
}

const sparse = (path: string) =>
  replaceBy(path, (path) => {
    writeFileSync(path, "{");
    truncateSync(path, TEN_GIGABYTES);
  });
const endless = (path: string) => replaceBy(path, (path) => symlinkSync("/dev/zero", path));
const fifo = (path: string) => replaceBy(path, (path) => void spawnSync("mkfifo", [path]));

/** The files that are read whole, each by a rule of its own. */
const FILES: Readonly<Record<string, (root: FsckRoot) => string>> = {
  "config.v2.json": ({ config }) => config,
  "hostconfig.json": ({ config }) => join(dirname(config), "hostconfig.json"),
  "repositories.json": ({ names }) => names,
  "an image's config": ({ content }) => content,
  "a parent of an image": ({ metadata }) => join(metadata, "parent"),
  "tar-split.json.gz": ({ layer }) => join(layer.db, "tar-split.json.gz"),
  "a layer's cache-id": ({ layer }) => join(layer.db, "cache-id"),
  "a layer's size": ({ layer }) => join(layer.db, "size"),
  "a layer's lower": ({ layer }) => join(layer.dir, "lower"),
  "a layer's link": ({ layer }) => join(layer.dir, "link"),
  "a mount-id": ({ mount }) => join(mount, "mount-id"),
};

describe("a root with", { concurrency: 2, timeout: 600_000 }, () => {
  let work: Scratch;
  let sound: string;
  let copies = 0;

  before(async () => {
    work = scratch("bombs", 0);
    sound = work.join("sound");
    await buildRoot(sound);
  });
  after(() => work?.[Symbol.dispose]());

  async function assertAnswers(spoil: (root: FsckRoot) => void, tidy = () => {}): Promise<void> {
    const root = await examine(copyRoot(sound, work.join(`root-${copies++}`)));
    spoil(root);
    const { status, stdout, stderr } = await run(process.execPath, [
      "--max-old-space-size=300",
      ...[WORKER, root.path, APP, root.container],
    ]);
    assert.equal(status, 0, stderr);
    const { mib, bugs, slow } = JSON.parse(stdout.toString()) as { mib: number; bugs: string[]; slow: string[] };
    assert.deepEqual([bugs, slow], [[], []]);
    assert.ok(mib < MAX_MIB, `${mib} MiB`);
    tidy();
    removeTree(root.path);
  }

  it("nothing wrong with it is answered in the same memory", () => assertAnswers(() => {}));

  for (const [what, kind] of [
    ["ten gigabytes each", sparse],
    ["/dev/zero behind a link", endless],
    ["FIFOs", fifo],
  ] as const) {
    it(`${what} in place of its files is answered`, async () => {
      await assertAnswers((root) => {
        for (const path of Object.values(FILES)) kind(path(root));
      });
    });
  }

  for (const what of ["config.v2.json", "repositories.json", "an image's config"] as const) {
    it(`ten gigabytes in place of ${what} is answered`, async () => {
      await assertAnswers((root) => sparse((FILES[what] as (root: FsckRoot) => string)(root)));
    });
  }

  for (const [what, line] of [
    ["zeros", "\0"],
    ["blanks", " "],
    ["empty lines", "\n"],
    ["brackets", "["],
    ["lines that hold nothing", '{"type":2,"payload":""}\n'],
    ["lines that hold zeros", `{"type":2,"payload":"${"A".repeat(996)}","position":0}\n`],
    ["names that come again", '{"type":1,"name":"a"}\n'],
  ] as const) {
    it(`a tar-split that unpacks to gigabytes of ${what} is answered`, async () => {
      const bomb = gzipOf(line, 4096);
      await assertAnswers(({ layer, base }) => {
        for (const { db } of [layer, base]) writeFileSync(join(db, "tar-split.json.gz"), bomb);
      });
    });
  }

  it("a tar-split with a file of exabytes is answered", async () => {
    const size = 2n ** 62n;
    const header = file("a", "", { size });
    const lines = [
      `{"type":2,"payload":"${header.toString("base64")}","position":0}`,
      `{"type":1,"name":"a","size":${size},"payload":"AAAAAAAAAAA=","position":1}`,
      `{"type":2,"payload":"${END.toString("base64")}","position":2}`,
    ];
    const split = gzipSync(`${lines.join("\n")}\n`);
    await assertAnswers(({ layer, base }) => {
      for (const { db } of [layer, base]) writeFileSync(join(db, "tar-split.json.gz"), split);
    });
  });

  it(`${LINKS} links in l/ is answered`, async () => {
    await assertAnswers(({ overlay2 }) => {
      for (let i = 0; i < LINKS; i++) {
        symlinkSync(`../${"0".repeat(64)}/diff`, join(overlay2, "l", i.toString(32).toUpperCase().padStart(26, "Z")));
      }
    });
  });

  it("a container's directory 2,000 deep, and a file with 5,000 names, is answered", async () => {
    await assertAnswers(({ rw }) => {
      const deep = `${"d/".repeat(1900)}`;
      const from = join(rw, "diff");
      // Paths have 4096 bytes; what is moved into another is deeper than any path.
      for (const name of ["a", "b"]) spawnSync("mkdir", ["-p", `${from}/${name}/${deep}`]);
      spawnSync("mv", [join(from, "b"), `${from}/a/${"d/".repeat(1800)}`]);
      writeFileSync(join(from, "name"), "x");
      for (let i = 0; i < 5000; i++) linkSync(join(from, "name"), join(from, `name-${i}`));
    });
  });

  it("a sparse file of eight terabytes in a layer is answered", async () => {
    await assertAnswers(({ layer }) => {
      const diff = join(layer.dir, "diff");
      const file = join(diff, readdirSync(diff)[0] as string);
      truncateSync(file, 2 ** 42);
      const entry = { type: 1, name: basename(file), size: 2 ** 42, payload: "AAAAAAAAAAA=" };
      writeFileSync(join(layer.db, "tar-split.json.gz"), gzipSync(`${JSON.stringify(entry)}\n`));
    });
  });

  it("links from everywhere to itself and to others is answered", async () => {
    await assertAnswers(({ overlay2, layer, rw, image, path }) => {
      for (const [at, to] of [
        [join(layer.dir, "diff/self"), "."],
        [join(rw, "diff/up"), "../../.."],
        [join(overlay2, "f".repeat(64)), "/"],
        [join(path, "containers", "e".repeat(64)), path],
        [join(image, "layerdb/mounts", "d".repeat(64)), "/proc/self"],
        [join(image, "imagedb/content/sha256", "c".repeat(64)), "/dev/zero"],
      ] as const) {
        symlinkSync(to, at);
      }
    });
  });

  it("a mount of itself inside of it is answered", { skip: oracle("root") }, async () => {
    const mounted: string[] = [];
    const unmount = () => mounted.splice(0).forEach((at) => void spawnSync("umount", ["-l", at]));
    try {
      await assertAnswers(({ path, layer, rw }) => {
        for (const at of [join(layer.dir, "diff/loop"), join(rw, "diff/loop")]) {
          mkdirSync(at);
          assert.equal(spawnSync("mount", ["--bind", path, at]).status, 0);
          mounted.push(at);
        }
      }, unmount);
    } finally {
      unmount();
    }
  });
});
