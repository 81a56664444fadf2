/**
 * `ovl verify` of images in a root that dockerd wrote: clean as it is, and then damaged in one place at a time.
 * Every damage is found, named by the file that has it, and nothing else is reported.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import type { ImageId } from "../../src/model/digest.js";
import { imageChain } from "../../src/store/chain.js";
import { openStore } from "../../src/store/store.js";
import type { Problem } from "../../src/store/verification.js";
import { StoredVerifier } from "../../src/store/verify-stored.js";
import { startDockerd } from "../support/dockerd.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { dir, file, layer, opaque, symlink, whiteout } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

/** Where the parts of one layer lie. */
interface LayerPaths {
  /** `layerdb/sha256/<chain>` */
  readonly db: string;
  /** `overlay2/<cache-id>` */
  readonly dir: string;
  readonly cacheId: string;
  readonly link: string;
}

interface Root {
  readonly path: string;
  readonly config: string;
  /** `overlay2/l` */
  readonly links: string;
  /** Bottom to top. */
  readonly layers: readonly LayerPaths[];
  /** The layer that is damaged where one is: it has layers below and above. */
  readonly layer: LayerPaths;
  readonly below: LayerPaths;
  readonly above: LayerPaths;
  /** A file of `layer`. */
  readonly file: string;
}

interface Damage {
  readonly title: string;
  readonly damage: (root: Root) => void;
  readonly code: Problem["code"];
  /** What is at fault; all of it, in any order. */
  readonly at: (root: Root) => string | readonly string[];
}

const VICTIM = 5;

const inDb = (name: string) => (root: Root) => join(root.layer.db, name);
const inDir = (name: string) => (root: Root) => join(root.layer.dir, name);
const itself = (root: Root) => root.file;
const tarSplit = inDb("tar-split.json.gz");

/** The file of the victim, changed as text. */
function edit(path: (root: Root) => string, change: (text: string) => string): (root: Root) => void {
  return (root) => writeFileSync(path(root), change(readFileSync(path(root), "latin1")), "latin1");
}
function remove(path: (root: Root) => string): (root: Root) => void {
  return (root) => rmSync(path(root), { recursive: true });
}
function editSplit(change: (lines: string[]) => string[]): (root: Root) => void {
  return (root) => {
    const lines = gunzipSync(readFileSync(tarSplit(root)))
      .toString("latin1")
      .split("\n");
    writeFileSync(tarSplit(root), gzipSync(Buffer.from(change(lines).join("\n"), "latin1")));
  };
}
/** Flips a character inside the base64 of the n-th line that matches. */
function flip(lines: string[], matching: RegExp): string[] {
  const at = lines.findIndex((line) => matching.test(line));
  const changed = (lines[at] as string).replace(matching, (_, head, digit) => `${head}${digit === "A" ? "B" : "A"}`);
  return lines.with(at, changed);
}

const DAMAGES: readonly Damage[] = [
  // Content.
  {
    title: "one byte of a file changed",
    damage: edit(itself, (t) => `X${t.slice(1)}`),
    code: "DIGEST_MISMATCH",
    at: itself,
  },
  { title: "a byte added to a file", damage: edit(itself, (t) => `${t}X`), code: "DIGEST_MISMATCH", at: itself },
  { title: "a file cut short", damage: (root) => truncateSync(root.file, 3), code: "DIGEST_MISMATCH", at: itself },
  { title: "a file emptied", damage: (root) => truncateSync(root.file), code: "DIGEST_MISMATCH", at: itself },
  { title: "a file deleted", damage: remove(itself), code: "NOT_FOUND", at: itself },
  {
    title: "a file that a directory replaced",
    damage: (r) => {
      rmSync(r.file);
      mkdirSync(r.file);
    },
    code: "BAD_ROOT",
    at: itself,
  },
  {
    title: "a file that a symlink out of the root replaced",
    damage: (r) => {
      rmSync(r.file);
      symlinkSync("/etc/passwd", r.file);
    },
    code: "BAD_ROOT",
    at: itself,
  },
  {
    title: "a file that a FIFO replaced",
    damage: (r) => {
      rmSync(r.file);
      spawnSync("mkfifo", [r.file]);
    },
    code: "BAD_ROOT",
    at: itself,
  },
  {
    title: "a directory of files replaced by a file",
    damage: (r) => {
      rmSync(join(r.layer.dir, "diff/only"), { recursive: true });
      writeFileSync(join(r.layer.dir, "diff/only"), "");
    },
    code: "BAD_ROOT",
    at: (r) => join(r.layer.dir, "diff/only/one"),
  },
  // tar-split.
  { title: "tar-split missing", damage: remove(tarSplit), code: "BAD_ROOT", at: tarSplit },
  { title: "tar-split empty", damage: (root) => truncateSync(tarSplit(root)), code: "BAD_ROOT", at: tarSplit },
  { title: "tar-split cut short", damage: (root) => truncateSync(tarSplit(root), 60), code: "BAD_ROOT", at: tarSplit },
  {
    title: "a bit of tar-split flipped",
    damage: edit(tarSplit, (t) => `${t.slice(0, 40)}${String.fromCharCode(t.charCodeAt(40) ^ 1)}${t.slice(41)}`),
    code: "BAD_ROOT",
    at: tarSplit,
  },
  {
    title: "rubbish after tar-split's gzip",
    damage: edit(tarSplit, (t) => `${t}rubbish`),
    code: "BAD_ROOT",
    at: tarSplit,
  },
  {
    title: "tar-split no gzip any more",
    damage: edit(tarSplit, () => '{"type":2,"payload":"","position":0}\n'),
    code: "BAD_ROOT",
    at: tarSplit,
  },
  {
    title: "a line of tar-split that is no JSON",
    damage: editSplit((lines) => lines.with(1, "{")),
    code: "BAD_ROOT",
    at: tarSplit,
  },
  {
    title: "a line of tar-split lost",
    damage: editSplit((lines) => lines.toSpliced(0, 1)),
    code: "DIFF_ID_MISMATCH",
    at: tarSplit,
  },
  {
    title: "a byte added to tar-split's segments",
    damage: editSplit((lines) => ['{"type":2,"payload":"AA==","position":0}', ...lines]),
    code: "DIFF_ID_MISMATCH",
    at: tarSplit,
  },
  {
    title: "a byte of a header in tar-split changed",
    damage: editSplit((lines) => flip(lines, /^(\{"type":2,"payload":"[^"]{200})([^"])/)),
    code: "DIFF_ID_MISMATCH",
    at: tarSplit,
  },
  {
    title: "a checksum in tar-split changed",
    damage: editSplit((lines) => flip(lines, /^(\{"type":1,.*"payload":"[^"]{3})([^"])/)),
    code: "DIFF_ID_MISMATCH",
    at: tarSplit,
  },
  {
    title: "a name in tar-split that comes twice",
    damage: editSplit((lines) => [...lines.slice(0, 2), lines[1] as string, ...lines.slice(2)]),
    code: "DUPLICATE_PATH",
    at: tarSplit,
  },
  // layerdb.
  {
    title: "diff of another layer",
    damage: (r) => cpSync(join(r.below.db, "diff"), join(r.layer.db, "diff")),
    code: "DIFF_ID_MISMATCH",
    at: inDb("diff"),
  },
  { title: "diff missing", damage: remove(inDb("diff")), code: "BAD_ROOT", at: inDb("diff") },
  { title: "diff that is rubbish", damage: edit(inDb("diff"), () => "\0\xff"), code: "BAD_ROOT", at: inDb("diff") },
  {
    title: "parent of another layer",
    damage: (r) => cpSync(join(r.below.db, "parent"), join(r.layer.db, "parent")),
    code: "BAD_ROOT",
    at: inDb("parent"),
  },
  { title: "parent missing", damage: remove(inDb("parent")), code: "BAD_ROOT", at: inDb("parent") },
  {
    title: "parent that a base layer should not have",
    damage: (r) => cpSync(join(r.layer.db, "parent"), join((r.layers[0] as LayerPaths).db, "parent")),
    code: "BAD_ROOT",
    at: (r) => join((r.layers[0] as LayerPaths).db, "parent"),
  },
  {
    title: "size with a newline, which dockerd does not take",
    damage: edit(inDb("size"), (t) => `${t}\n`),
    code: "BAD_ROOT",
    at: inDb("size"),
  },
  { title: "cache-id missing", damage: remove(inDb("cache-id")), code: "BAD_ROOT", at: inDb("cache-id") },
  {
    title: "cache-id empty",
    damage: (root) => truncateSync(inDb("cache-id")(root)),
    code: "BAD_ROOT",
    at: inDb("cache-id"),
  },
  {
    title: "cache-id that climbs out of the root",
    damage: edit(inDb("cache-id"), () => "../../etc"),
    code: "BAD_ROOT",
    at: inDb("cache-id"),
  },
  {
    title: "cache-id of another layer",
    damage: (r) => cpSync(join(r.below.db, "cache-id"), join(r.layer.db, "cache-id")),
    code: "BAD_ROOT",
    at: inDb("cache-id"),
  },
  {
    title: "cache-ids of two layers swapped",
    damage: (r) => {
      writeFileSync(join(r.layer.db, "cache-id"), r.above.cacheId);
      writeFileSync(join(r.above.db, "cache-id"), r.layer.cacheId);
    },
    code: "BAD_ROOT",
    at: (r) => [join(r.layer.db, "cache-id"), join(r.above.db, "cache-id")],
  },
  {
    title: "cache-id that names nothing",
    damage: edit(inDb("cache-id"), () => "0".repeat(64)),
    code: "BAD_ROOT",
    at: (r) => join(r.path, "overlay2", "0".repeat(64), "diff"),
  },
  {
    title: "an empty directory in layerdb",
    damage: (r) => {
      rmSync(r.layer.db, { recursive: true });
      mkdirSync(r.layer.db);
    },
    code: "BAD_ROOT",
    at: inDb("diff"),
  },
  {
    title: "a layer gone from layerdb",
    damage: (r) => rmSync(r.layer.db, { recursive: true }),
    code: "NOT_FOUND",
    at: (r) => r.layer.db,
  },
  // The driver's directory.
  { title: "link missing", damage: remove(inDir("link")), code: "BAD_ROOT", at: inDir("link") },
  { title: "link empty", damage: (root) => truncateSync(inDir("link")(root)), code: "BAD_ROOT", at: inDir("link") },
  { title: "link with a newline", damage: edit(inDir("link"), (t) => `${t}\n`), code: "BAD_ROOT", at: inDir("link") },
  {
    title: "the short name missing",
    damage: (r) => rmSync(join(r.links, r.layer.link)),
    code: "BAD_ROOT",
    at: (r) => join(r.links, r.layer.link),
  },
  {
    title: "the short name leading to another layer",
    damage: (r) => {
      rmSync(join(r.links, r.layer.link));
      symlinkSync(`../${r.above.cacheId}/diff`, join(r.links, r.layer.link));
    },
    code: "BAD_ROOT",
    at: (r) => join(r.links, r.layer.link),
  },
  { title: "lower missing", damage: remove(inDir("lower")), code: "BAD_ROOT", at: inDir("lower") },
  { title: "lower empty", damage: (root) => truncateSync(inDir("lower")(root)), code: "BAD_ROOT", at: inDir("lower") },
  {
    title: "lower in the wrong order",
    damage: edit(inDir("lower"), (t) => t.split(":").reverse().join(":")),
    code: "BAD_ROOT",
    at: inDir("lower"),
  },
  {
    title: "lower that names an unknown link",
    damage: edit(inDir("lower"), (t) => `l/${"A".repeat(26)}${t.slice(28)}`),
    code: "BAD_ROOT",
    at: inDir("lower"),
  },
  { title: "the layer's files gone", damage: remove(inDir("diff")), code: "BAD_ROOT", at: inDir("diff") },
  {
    title: "the layer's directory gone",
    damage: (r) => rmSync(r.layer.dir, { recursive: true }),
    code: "BAD_ROOT",
    at: inDir("diff"),
  },
  {
    title: "a file in the place of the layer's files",
    damage: (r) => {
      rmSync(join(r.layer.dir, "diff"), { recursive: true });
      writeFileSync(join(r.layer.dir, "diff"), "");
    },
    code: "BAD_ROOT",
    at: inDir("diff"),
  },
  // The config.
  {
    title: "a config edited",
    damage: edit(
      (r) => r.config,
      (t) => t.replace("/hello", "/hallo"),
    ),
    code: "IMAGE_ID_MISMATCH",
    at: (r) => r.config,
  },
  {
    title: "a config cut short",
    damage: (r) => truncateSync(r.config, 100),
    code: "IMAGE_ID_MISMATCH",
    at: (r) => r.config,
  },
  {
    title: "a config that is empty",
    damage: (r) => truncateSync(r.config),
    code: "IMAGE_ID_MISMATCH",
    at: (r) => r.config,
  },
];

/** Ten layers loaded, three built on them: whiteouts, opaque directories, xattrs, links, a name that is not UTF-8. */
async function writtenByDockerd(root: string, at: Scratch): Promise<void> {
  const layers = Array.from({ length: 10 }, (_, i) =>
    layer(
      dir("d/"),
      file(`d/f${i}`, `content ${i} `.repeat(200)),
      dir("only/"),
      file("only/one", `the only file of layer ${i}`),
      file(`d/xattr${i}`, "x", { xattrs: { "user.binary": Buffer.from([0, 255, i]) } }),
      file(Buffer.from([0x64, 0x2f, 0xff, 0x30 + i]), "not UTF-8"),
      symlink(`d/s${i}`, "/etc/passwd"),
      ...(i > 2 ? [whiteout(`d/f${i - 2}`)] : []),
      ...(i === 7 ? [dir("o/"), opaque("o"), file("o/x", "opaque")] : []),
    ),
  );
  writeFileSync(at.join("base.tar"), archive(dockerArchive([image({ layers, names: ["ovl/base:1"] })])));
  mkdirSync(at.join("context"));
  for (const name of ["a", "b", "c"]) writeFileSync(at.join("context", name), name.repeat(5000));
  writeFileSync(
    at.join("context/Dockerfile"),
    "FROM ovl/base:1\nCOPY a /built/\nCOPY b /built/\nCOPY c /d/f1\nENV X=1\n",
  );
  await using daemon = await startDockerd(root);
  await daemon.dockerOk(["load", "-i", at.join("base.tar")]);
  await daemon.dockerOk(["build", "-t", "ovl/built:1", at.join("context")]);
  await daemon.stop();
}

async function verify(path: string): Promise<Problem[]> {
  await using store = await openStore({ root: path, driver: null });
  await using verifier = new StoredVerifier(store, { jobs: 2 });
  const id = store.repositories.list().find(({ reference }) => reference.path === "ovl/built")?.id as ImageId;
  const verification = await verifier.verify(id);
  assert.equal(verification.ok, verification.problems.length === 0);
  return [...verification.problems];
}

async function examine(path: string): Promise<Root> {
  await using store = await openStore({ root: path, driver: null });
  const id = store.repositories.list().find(({ reference }) => reference.path === "ovl/built")?.id as ImageId;
  const layers = imageChain(store, id).layers.map(({ chainId, cacheId, link }): LayerPaths => {
    assert.ok(cacheId !== null && link !== null);
    return { db: store.layers.dir(chainId), dir: store.driver.dir(cacheId), cacheId, link };
  });
  const victim = layers[VICTIM] as LayerPaths;
  return {
    path,
    config: join(path, "image/overlay2/imagedb/content/sha256", id.slice(7)),
    links: join(path, "overlay2/l"),
    layers,
    layer: victim,
    below: layers[VICTIM - 1] as LayerPaths,
    above: layers[VICTIM + 2] as LayerPaths,
    file: join(victim.dir, "diff/d", `f${VICTIM}`),
  };
}

describe("ovl verify of a root that dockerd wrote", { skip: oracle("root", "dockerd") }, () => {
  let at: Scratch;
  let pristine: string;
  before(async () => {
    at = scratch("verify");
    pristine = at.join("root");
    await writtenByDockerd(pristine, at);
  });
  after(() => at[Symbol.dispose]());

  it("finds nothing wrong with it, every image of it", async () => {
    await using store = await openStore({ root: pristine, driver: null });
    await using verifier = new StoredVerifier(store, { jobs: 2 });
    const ids = store.images.ids();
    assert.ok(ids.length >= 2);
    for (const id of ids) assert.deepEqual((await verifier.verify(id)).problems, []);
  });

  for (const { title, damage, code, at: where } of DAMAGES) {
    it(`finds ${title}, and nothing else`, async () => {
      using copy = scratch("damage", 0);
      const path = copy.join(basename(pristine));
      assert.equal(spawnSync("cp", ["-a", pristine, path]).status, 0);
      const root = await examine(path);
      damage(root);
      const problems = await verify(path);
      assert.deepEqual(
        problems.map(({ subject }) => subject).sort(),
        [where(root)].flat().sort(),
        JSON.stringify(problems, null, 1),
      );
      for (const problem of problems) assert.equal(problem.code, code, problem.message);
    });
  }
});
