/**
 * More than anybody makes: of depth, of entries, of numbers and of keys in documents. Taken or refused, never a bug.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, openSync, readdirSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { removeTree } from "../../src/driver/remove-tree.js";
import { OvlError } from "../../src/errors.js";
import { openRootfs } from "../../src/rootfs/open.js";
import { tarOf } from "../../src/rootfs/tar.js";
import { inspectImage } from "../../src/store/inspect.js";
import { removeImages } from "../../src/store/remove.js";
import { resolveImage } from "../../src/store/resolve.js";
import { openStore } from "../../src/store/store.js";
import { StoredVerifier } from "../../src/store/verify-stored.js";
import { expectSound } from "../support/expect-sound.js";
import { archive, dockerArchive, image, sha256 } from "../support/image-builder.js";
import { pullFile } from "../support/pull.js";
import { dir, END, file, layer, symlink } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

/** Entries of a layer; `OVL_MANY_ENTRIES=1000000` takes a minute. */
const ENTRIES = Number(process.env["OVL_MANY_ENTRIES"] ?? 100_000);
const MAX_MIB = 400;

/**
 * A file so many directories down: no path is that long, so symlinks lead a part of the way each. Nobody names the
 * directories.
 */
function deepFile(depth: number): Buffer[] {
  const step = "p/".repeat(1000);
  const pieces: Buffer[] = [];
  for (let reached = 0, via = ""; reached < depth; reached += 1000) {
    const next = `s${reached / 1000}`;
    pieces.push(file("f", String(reached), { pax: { path: `${via}${step}f` } }));
    pieces.push(symlink(next, "t", { pax: { linkpath: `${via}${step}` } }));
    via = `${next}/`;
  }
  return pieces;
}

async function pulled(work: Scratch, ...layers: Uint8Array[]): Promise<string> {
  writeFileSync(work.join("archive.tar"), archive(dockerArchive([image({ names: ["extreme:1"], layers })])));
  const answer = await pullFile(work.join("root"), work.join("archive.tar"), { jobs: 1 });
  assert.ok(!(answer instanceof OvlError), String(answer));
  return answer.images[0]?.id as string;
}

describe("a layer with a file 10,000 directories down", () => {
  it("is taken, verified, given out and removed", async () => {
    using work = scratch("deep", 0);
    await pulled(work, layer(...deepFile(10_000)));
    const root = work.join("root");
    {
      await using store = await openStore({ root, driver: null });
      await using verifier = new StoredVerifier(store, { jobs: 1 });
      const { ok, problems } = await verifier.verify(resolveImage(store, "extreme:1"));
      assert.deepEqual([ok, problems], [true, []]);
      using opened = openRootfs(store, "extreme:1");
      try {
        for (const _ of tarOf(opened.union));
      } catch (thrown) {
        assert.ok(thrown instanceof OvlError && thrown.code !== "INTERNAL", String(thrown));
      }
    }
    await using store = await openStore({ root, driver: null }, "write");
    removeImages(store, ["extreme:1"], { force: false, dryRun: false });
    assert.deepEqual(readdirSync(join(root, "overlay2")), ["l"]);
  });

  it("gives way to a file of the same layer", async () => {
    using work = scratch("deep", 0);
    await pulled(work, layer(...deepFile(2000), file("/p", "now a file")));
    await using store = await openStore({ root: work.join("root"), driver: null }, "write");
    removeImages(store, ["extreme:1"], { force: false, dryRun: false });
  });
});

describe("a layer of many entries", () => {
  it(`is taken in the memory of any other: ${ENTRIES} entries`, async () => {
    using work = scratch("many", 0);
    const path = work.join("layer.tar");
    const fd = openSync(path, "w");
    for (let at = 0; at < ENTRIES; at += 1000) {
      writeSync(fd, Buffer.concat(Array.from({ length: 1000 }, (_, i) => file(`file-${at + i}-${"x".repeat(60)}`))));
    }
    writeSync(fd, END);
    const worker = fileURLToPath(new URL("extremes-worker.js", import.meta.url));
    const child = spawn(process.execPath, [worker, path, work.join("root")], { stdio: ["ignore", "pipe", "inherit"] });
    const [said] = (await child.stdout.toArray()) as Buffer[];
    const { mib, error } = JSON.parse(String(said)) as { mib: number; error: string | null };
    assert.equal(error, null);
    // The names are kept, to know one that comes again: some 200 bytes each.
    assert.ok(mib < MAX_MIB + ENTRIES / 5000, `${mib} MiB`);
    removeTree(work.join("root"));
  });
});

describe("names that only look the same", () => {
  it("are two files: Unicode has two forms of é, and letters of two alphabets", async () => {
    using work = scratch("names", 0);
    await pulled(
      work,
      layer(file("caf\u00e9", "1"), file("cafe\u0301", "2"), file("а", "3"), file("a", "4"), file("A", "5")),
    );
    expectSound(work.join("root"));
  });

  it("and those that are the same are refused, however they are written", async () => {
    using work = scratch("names", 0);
    for (const [one, other] of [
      ["a", "./a"],
      ["a", "a/"],
      ["a/b", "a/./b"],
      ["a/b", "a//b"],
      ["a", "b/../a"],
    ] as const) {
      const bytes = layer(file(one, "1"), file(other.replace(/\/$/, ""), "2"));
      const twice = other.endsWith("/") ? layer(file(one, "1"), dir(other)) : bytes;
      writeFileSync(work.join("archive.tar"), archive(dockerArchive([image({ layers: [twice] })])));
      const answer = await pullFile(work.join("root"), work.join("archive.tar"), { jobs: 1 });
      assert.equal(answer instanceof OvlError ? answer.code : "taken", "DUPLICATE_PATH", `${one} and ${other}`);
    }
  });
});

describe("a config", () => {
  const own = '"rootfs":{"type":"layers","diff_ids":[]},"os":"linux"';
  const withConfig = (config: string | Buffer) =>
    archive(dockerArchive([image({ names: ["c:1"], layers: [], configBytes: Buffer.from(config) })]));

  it("keeps keys that JavaScript gives a meaning", async () => {
    using work = scratch("config", 0);
    const labels = '{"__proto__":"a","constructor":"b","hasOwnProperty":"c","toString":"d"}';
    writeFileSync(
      work.join("c.tar"),
      withConfig(`{${own},"config":{"Labels":${labels}},"__proto__":{"os":"windows"}}`),
    );
    const answer = await pullFile(work.join("root"), work.join("c.tar"));
    assert.ok(!(answer instanceof OvlError), String(answer));
    await using store = await openStore({ root: work.join("root"), driver: null });
    const { inspect } = inspectImage(store, resolveImage(store, "c:1"));
    assert.equal(JSON.stringify((inspect["Config"] as { Labels: object }).Labels), labels);
    assert.equal(({} as Record<string, unknown>)["os"], undefined);
  });

  it("is known by its bytes, whatever they say twice or in no encoding", async () => {
    using work = scratch("config", 0);
    for (const config of [
      `{${own},"author":"one","author":"two","Author":"three"}`,
      `{${own},"author":"\\ud800 \\udc00 alone"}`,
      Buffer.from(`{${own},"author":"\xff\xfe"}`, "latin1"),
      `{${own},"unknown":1e308,"other":-0,"more":${"9".repeat(400)}}`,
      `{${own},"unknown":${"[".repeat(900)}${"]".repeat(900)}}`,
    ]) {
      writeFileSync(work.join("c.tar"), withConfig(config));
      const answer = await pullFile(work.join("root"), work.join("c.tar"));
      assert.ok(!(answer instanceof OvlError), `${config}: ${answer}`);
      assert.equal(answer.images[0]?.id, sha256(Buffer.from(config)));
    }
  });

  it("is refused with BAD_CONFIG where its numbers, its depth or its keys are none that can be", async () => {
    using work = scratch("config", 0);
    for (const config of [
      `{${own},"config":{"StopTimeout":1e400}}`,
      `{${own},"config":{"StopTimeout":18446744073709551616}}`,
      `{${own},"unknown":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
      `{${own},"history":${'[{"a":'.repeat(2000)}1${"}]".repeat(2000)}}`,
      `{"__proto__":{${own}}}`,
      `{"constructor":{"prototype":{${own}}}}`,
      `\ufeff{${own}}`,
      `{${own}}}`,
    ]) {
      writeFileSync(work.join("c.tar"), withConfig(config));
      const answer = await pullFile(work.join("root"), work.join("c.tar"));
      assert.ok(answer instanceof OvlError, config.slice(0, 200));
      assert.equal(answer.code, "BAD_CONFIG", answer.message);
    }
    assert.equal(existsSync(work.join("root/image/overlay2/imagedb/content/sha256/x")), false);
  });
});
