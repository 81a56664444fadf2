import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { newCacheId } from "../../src/driver/driver.js";
import { Overlay2 } from "../../src/driver/overlay2.js";
import type { CacheId } from "../../src/model/digest.js";
import { scratch } from "../support/tmp.js";

const mode = (path: string) => (lstatSync(path).mode & 0o7777).toString(8);

test("a layer gets the entries, contents and modes that dockerd gives it, whatever the umask", () => {
  using work = scratch("overlay2", 0);
  const driver = new Overlay2(work.path);
  const ids = [newCacheId(), newCacheId(), newCacheId()] as const;
  const umask = process.umask(0o077);
  try {
    ids.forEach((id, i) => {
      assert.equal(driver.create(id, ids[i - 1] ?? null), join(work.path, "overlay2", id, "diff"));
    });
  } finally {
    process.umask(umask);
  }
  const [bottom, middle, top] = ids.map((id) => join(driver.home, id)) as [string, string, string];
  assert.equal(mode(driver.home), "710");
  assert.equal(mode(join(driver.home, "l")), "700");
  assert.deepEqual(readdirSync(bottom).sort(), ["committed", "diff", "link"]);
  assert.deepEqual(readdirSync(middle).sort(), ["committed", "diff", "link", "lower", "work"]);
  assert.deepEqual(readdirSync(top).sort(), ["diff", "link", "lower", "work"]);
  for (const dir of [bottom, middle, top]) {
    assert.equal(mode(dir), "710");
    assert.equal(mode(join(dir, "diff")), "755");
    assert.equal(mode(join(dir, "link")), "644");
  }
  assert.equal(mode(join(top, "work")), "700");
  assert.equal(mode(join(top, "lower")), "644");
  assert.equal(mode(join(bottom, "committed")), "600");
  assert.equal(lstatSync(join(bottom, "committed")).size, 0);
  const [a, b, c] = [bottom, middle, top].map((dir) => readFileSync(join(dir, "link"), "utf8"));
  for (const link of [a, b, c]) assert.match(link as string, /^[A-Z2-7]{26}$/);
  assert.equal(readlinkSync(join(driver.home, "l", a as string)), `../${ids[0]}/diff`);
  assert.equal(readFileSync(join(middle, "lower"), "utf8"), `l/${a}`);
  assert.equal(readFileSync(join(top, "lower"), "utf8"), `l/${b}:l/${a}`);
  assert.deepEqual(driver.lowerDirs(ids[2]), [join(middle, "diff"), join(bottom, "diff")]);
  assert.deepEqual(driver.graphData(ids[1]), {
    LowerDir: join(bottom, "diff"),
    MergedDir: join(middle, "merged"),
    UpperDir: join(middle, "diff"),
    WorkDir: join(middle, "work"),
  });
  for (const id of ids) driver.remove(id);
  assert.deepEqual(readdirSync(driver.home), ["l"]);
  assert.deepEqual(readdirSync(join(driver.home, "l")), []);
});

test("a layer cannot stand on one that is not there, and then leaves nothing", () => {
  using work = scratch("overlay2", 0);
  const driver = new Overlay2(work.path);
  driver.create(newCacheId(), null);
  const before = readdirSync(driver.home);
  assert.throws(() => driver.create(newCacheId(), newCacheId()), { code: "BAD_ROOT" });
  assert.deepEqual(readdirSync(driver.home), before);
});

/** Ways in which `link` is found damaged, each with whether a name can still be read from it. */
const LINKS: readonly (readonly [what: string, make: (path: string, link: string) => void, usable: boolean])[] = [
  ["is missing", () => {}, false],
  ["is empty", (path) => writeFileSync(path, ""), false],
  ["ends with a newline", (path, link) => writeFileSync(path, `${link}\n`), true],
  ["is binary", (path) => writeFileSync(path, Buffer.from([0, 255, 10, 47])), false],
  ["leads upwards", (path) => writeFileSync(path, "../../etc"), false],
  ["is huge", (path) => writeFileSync(path, "A".repeat(1 << 20)), false],
  ["is a directory", (path) => mkdirSync(path), false],
  ["is a symlink", (path) => symlinkSync("/etc/hostname", path), false],
  ["is a FIFO", (path) => assert.equal(spawnSync("mkfifo", [path]).status, 0), false],
];

for (const [what, make, usable] of LINKS) {
  test(`a link file that ${what} stops new layers on top, and not removal`, () => {
    using work = scratch("overlay2", 0);
    const driver = new Overlay2(work.path);
    const id = newCacheId();
    driver.create(id, null);
    const path = join(driver.dir(id), "link");
    const link = readFileSync(path, "utf8");
    rmSync(path);
    make(path, link);
    assert.equal(driver.link(id), usable ? link : null);
    const child = newCacheId();
    if (usable) {
      driver.create(child, id);
      assert.equal(readFileSync(join(driver.dir(child), "lower"), "utf8"), `l/${link}`);
      driver.remove(child);
    } else assert.throws(() => driver.create(child, id), { code: "BAD_ROOT" });
    driver.remove(id);
    assert.deepEqual(readdirSync(driver.home), ["l"]);
    assert.deepEqual(readdirSync(join(driver.home, "l")), []);
  });
}

for (const lower of ["", "\n", "l/NOTHING", "l/../../etc", "/etc", "l/", "\0"]) {
  test(`a lower file that holds ${JSON.stringify(lower)} is named as what is wrong`, () => {
    using work = scratch("overlay2", 0);
    const driver = new Overlay2(work.path);
    const [id, child] = [newCacheId(), newCacheId()];
    driver.create(id, null);
    driver.create(child, id);
    writeFileSync(join(driver.dir(child), "lower"), lower);
    assert.throws(() => driver.lowerDirs(child), {
      code: "BAD_ROOT",
      message: new RegExp(join(driver.dir(child), "lower")),
    });
  });
}

test("a short name that leads out of the root is never followed", () => {
  using work = scratch("overlay2", 0);
  const driver = new Overlay2(work.path);
  const [id, child] = [newCacheId(), newCacheId()];
  driver.create(id, null);
  driver.create(child, id);
  const link = join(driver.home, "l", driver.link(id) as string);
  rmSync(link);
  symlinkSync("/etc", link);
  assert.throws(() => driver.lowerDirs(child), { code: "BAD_ROOT" });
  driver.remove(id);
  assert.ok(existsSync("/etc/hostname") || existsSync("/etc/passwd"));
});

test("names that BuildKit and others give to layer directories are listed", () => {
  using work = scratch("overlay2", 0);
  const driver = new Overlay2(work.path);
  assert.deepEqual(driver.list(), []);
  for (const name of ["Layer_A.1", "k3ld2j4h5g6f7d8s9a0q1w2e3"])
    mkdirSync(join(work.path, "overlay2", name), { recursive: true });
  driver.create("x".repeat(10) as CacheId, null);
  assert.deepEqual(driver.list().sort(), ["Layer_A.1", "k3ld2j4h5g6f7d8s9a0q1w2e3", "xxxxxxxxxx"]);
});
