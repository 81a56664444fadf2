/** The judge judged: two roots of dockerd itself are equal, and whatever is changed in one of them is found. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, chmodSync, lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { allDifferences, compareRoots, type RootView } from "./compare-roots.js";
import { startDockerd } from "./dockerd.js";
import { archive, chainIds, dockerArchive, hex, image } from "./image-builder.js";
import { oracle } from "./oracles.js";
import { dir, file, hardlink, latin1, layer, opaque, symlink, whiteout } from "./tar-builder.js";
import { type Scratch, scratch } from "./tmp.js";

const sample = image({
  names: ["judge/sample:1"],
  layers: [
    layer(
      dir("d/", { mtime: 5 }),
      file("d/a", "a", { xattrs: { "user.x": "1" } }),
      hardlink("d/b", "d/a"),
      symlink("s", "d"),
    ),
    layer(whiteout("d/a"), dir("o/"), opaque("o"), file(latin1("\xff"), "bytes"), file("f", "content", { mtime: 7 })),
  ],
});
const top = chainIds(sample.diffIds)[1] as string;

/** What is done to one of the roots, given it and the directory of its top layer; and what must be said about it. */
const INJECTED: readonly [what: string, (root: string, overlay2: string) => void, said: RegExp][] = [
  ["a mode", (_, dir) => chmodSync(join(dir, "diff/f"), 0o600), /diff\/f: mode: expected 0600, found 0644/],
  ["an owner", (_, dir) => sh(`chown -h 3:4 ${dir}/diff/f`), /diff\/f: owner: expected 3:4, found 0:0/],
  [
    "content of the same size",
    (_, dir) => same(join(dir, "diff/f"), () => writeFileSync(join(dir, "diff/f"), "CONTENT")),
    /diff\/f: content/,
  ],
  [
    "a nanosecond",
    (_, dir) => sh(`touch -d @7.000000001 ${dir}/diff/f`),
    /diff\/f: mtime: expected 7000000001, found 7000000000/,
  ],
  [
    "an xattr",
    (_, dir) => sh(`setfattr -n user.more -v 1 ${dir}/diff/f`),
    /diff\/f: xattrs: expected \{user.more=0x31\}, found \{\}/,
  ],
  ["an opaque mark", (_, dir) => sh(`setfattr -x trusted.overlay.opaque ${dir}/diff/o`), /diff\/o: xattrs/],
  [
    "a whiteout made a file",
    (_, dir) => sh(`rm ${dir}/diff/d/a; touch -d @7 ${dir}/diff/d/a`),
    /diff\/d\/a: type: expected file, found char/,
  ],
  ["a file more", (_, dir) => sh(`touch ${dir}/diff/more`), /diff\/more: expected file, not found/],
  ["a file less", (_, dir) => sh(`rm ${dir}/diff/f`), /diff\/f: not expected, found file/],
  [
    "a hard link more",
    (_, dir) => sh(`ln ${dir}/diff/f ${dir}/diff/g`),
    /diff\/f: hard links: expected f = g, found no other name/,
  ],
  ["a name that is not UTF-8", (_, dir) => sh(`rm ${dir}/diff/$(printf '\\377')`), /diff\/\\xff: not expected/],
  ["committed", (_, dir) => writeFileSync(join(dir, "committed"), ""), /overlay2 committed: expected file, not found/],
  ["the mode of link", (_, dir) => chmodSync(join(dir, "link"), 0o600), /overlay2 link: mode/],
  ["the mode of work", (_, dir) => chmodSync(join(dir, "work"), 0o755), /overlay2 work: mode/],
  ["the mode of the layer directory", (_, dir) => chmodSync(dir, 0o700), /overlay2 \.: mode/],
  ["lower", (_, dir) => appendFileSync(join(dir, "lower"), ":l/X"), /lower: expected/],
  [
    "a link to nowhere",
    (root) => sh(`ln -s ../none/diff ${root}/overlay2/l/ABCDEFGHIJKLMNOPQRSTUVWXYZ`),
    /leads to no layer/,
  ],
  ["a directory of no layer", (root) => sh(`mkdir ${root}/overlay2/${"0".repeat(64)}`), /belongs to no layer/],
  ["size", (root) => append(root, "size", "0"), /layerdb size: expected/],
  ["diff", (root) => append(root, "diff", "\n"), /layerdb diff: expected/],
  ["parent", (root) => append(root, "parent", "\n"), /layerdb parent: expected/],
  [
    "tar-split",
    (root) =>
      writeFileSync(
        layerdb(root, "tar-split.json.gz"),
        gzipSync('{"type":1,"name":"x","payload":null,"position":0}\n'),
      ),
    /tar-split entry 0/,
  ],
  ["a file in layerdb", (root) => append(root, "descriptor.json", "{}"), /layerdb descriptor.json: expected/],
  [
    "a write-set left over",
    (root) => sh(`mkdir -p ${root}/image/overlay2/layerdb/tmp/write-set-1`),
    /write-set-1: expected dir, not found/,
  ],
  [
    "config bytes",
    (root) => appendFileSync(join(root, `image/overlay2/imagedb/content/sha256/${hex(sample.id)}`), " "),
    /config: (size|content)/,
  ],
  [
    "a parent image",
    (root) => sh(`mkdir -p ${metadata(root)}; echo -n x > ${metadata(root)}/parent`),
    /metadata\/parent: expected file/,
  ],
  [
    "repositories.json",
    (root) => appendFileSync(join(root, "image/overlay2/repositories.json"), " "),
    /repositories.json: expected/,
  ],
  [
    "the mode of layerdb",
    (root) => chmodSync(join(root, "image/overlay2/layerdb"), 0o755),
    /image\/overlay2\/layerdb: mode/,
  ],
];

describe("compareRoots", { skip: oracle("root", "dockerd", "getfattr", "setfattr") }, () => {
  let space: Scratch;
  const roots: RootView[] = [];

  before(async () => {
    space = scratch("judge");
    for (const name of ["one", "two"]) {
      const from = BigInt(Date.now()) * 1_000_000n;
      {
        await using daemon = await startDockerd(space.dir(name));
        assert.equal(await daemon.load(archive(dockerArchive([sample]))), null);
      }
      roots.push({ path: space.join(name), now: { from, to: BigInt(Date.now()) * 1_000_000n } });
    }
  });
  after(() => space[Symbol.dispose]());

  it("finds nothing between two roots that dockerd wrote", () => {
    const [one, two] = roots as [RootView, RootView];
    assert.deepEqual(allDifferences(compareRoots(one, two)), []);
  });

  for (const [what, change, said] of INJECTED) {
    it(`finds a difference in ${what}`, () => {
      const [one, two] = roots as [RootView, RootView];
      const changed = space.join("changed");
      // GNU cp keeps everything that is compared: owners, times, xattrs, devices, hard links.
      execFileSync("cp", ["-a", one.path, changed]);
      try {
        change(changed, join(changed, "overlay2", readFileSync(layerdb(changed, "cache-id"), "utf8")));
        const differences = allDifferences(compareRoots({ ...one, path: changed }, two));
        assert.ok(
          differences.some((text) => said.test(text)),
          `${said} in:\n${differences.join("\n")}`,
        );
      } finally {
        sh(`rm -rf ${changed}`);
      }
    });
  }

  it("takes no time of today for now", () => {
    const [one, two] = roots as [RootView, RootView];
    const early = { ...two, now: { from: 0n, to: 1n } };
    const differences = allDifferences(compareRoots(one, early));
    assert.ok(
      differences.some((text) => /diff\/\.: mtime: expected now/.test(text)),
      differences.join("\n"),
    );
    assert.ok(readdirSync(two.path).includes("image"));
  });
});

function layerdb(root: string, name: string): string {
  return join(root, "image/overlay2/layerdb/sha256", hex(top), name);
}
function metadata(root: string): string {
  return join(root, "image/overlay2/imagedb/metadata/sha256", hex(sample.id));
}
function append(root: string, name: string, text: string): void {
  appendFileSync(layerdb(root, name), text);
}
function sh(script: string): void {
  execFileSync("/bin/sh", ["-c", script]);
}
/** Changes a file behind the back of its times. */
function same(path: string, change: () => void): void {
  const { mtimeMs } = lstatSync(path);
  change();
  sh(`touch -d @${mtimeMs / 1000} ${path}`);
}
