/** Archives that are broken or mean harm: refused with nothing changed, or contained inside their own layer. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { OvlError } from "../../src/errors.js";
import { archive, dockerArchive, gzip, hex, image, ociLayout, writeFiles } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { ovlJson } from "../support/ovl.js";
import {
  dir,
  END,
  entry,
  file,
  hardlink,
  layer,
  opaque,
  paxHeader,
  symlink,
  tar,
  whiteout,
} from "../support/tar-builder.js";
import { zstdBomb, zstdStored } from "../support/zstd.js";
import { good, lies } from "./hostile/lies.js";
import { assertContained, assertInside, assertRefused, makeWorld, resident, type World } from "./hostile/world.js";

/** The image of one layer, as docker saves it. */
const one = (...pieces: Uint8Array[]) => archive(dockerArchive([image({ layers: [layer(...pieces)] })]));

describe("a hostile archive", { skip: oracle("getfattr") }, () => {
  let world: World;
  before(async () => {
    world = await makeWorld();
  });
  after(() => world?.[Symbol.dispose]());

  describe("that is cut", () => {
    // What nobody reads (VERSION, json) is left out and what everybody needs comes last, so that no cut is harmless.
    const files = [...dockerArchive([good])].filter(([path]) => !/VERSION|\/json|repositories/.test(path));
    const lean = archive(new Map(files.reverse()));
    const forms: [string, Buffer][] = [
      ["a docker archive", lean],
      ["a docker archive in gzip", gzip(lean)],
      ["an OCI archive with gzip layers", archive(ociLayout([good], { compress: gzip, suffix: "+gzip" }))],
      ["an OCI archive with zstd layers", archive(ociLayout([good], { compress: zstdStored, suffix: "+zstd" }))],
    ];
    for (const [title, bytes] of forms) {
      it(`is refused wherever: ${title}`, async () => {
        const needed = title.includes("in gzip") ? bytes.length : endOfContent(bytes);
        const points = new Set([0, 1, 511, 512, 513, needed - 1]);
        for (let at = 700; at < needed; at += Math.ceil(needed / 24)) points.add(at);
        const codes = new Set<string>();
        for (const at of points) {
          const { code } = await assertRefused(world, bytes.subarray(0, at), [
            ...["BAD_ARCHIVE", "BAD_TAR", "BAD_MANIFEST", "BAD_CONFIG", "SIZE_MISMATCH", "DIGEST_MISMATCH"],
          ]).catch((cause) => assert.fail(`cut at ${at} of ${bytes.length}: ${cause}`));
          codes.add(code);
        }
        assert.ok(codes.has("BAD_ARCHIVE"), [...codes].join());
      });
    }
  });

  describe("with a flipped bit", () => {
    it("is refused wherever it is in the blobs of an OCI archive", async () => {
      const files = ociLayout([good], { compress: gzip, suffix: "+gzip" });
      for (const [path, content] of files) {
        if (!path.startsWith("blobs/")) continue;
        for (const at of spread((content as Buffer).length, 4)) {
          const damaged = new Map(files).set(path, flipped(content as Buffer, at));
          await assertRefused(world, archive(damaged), "DIGEST_MISMATCH");
        }
      }
    });

    it("is refused wherever it is in a layer of a docker archive", async () => {
      const files = dockerArchive([good]);
      for (const [path, content] of files) {
        if (!path.endsWith("layer.tar")) continue;
        for (const at of spread((content as Buffer).length, 12)) {
          const damaged = new Map(files).set(path, flipped(content as Buffer, at));
          await assertRefused(world, archive(damaged), ["DIFF_ID_MISMATCH", "BAD_TAR"]);
        }
      }
    });

    it("is refused wherever it is in a compressed archive", async () => {
      const bytes = gzip(archive(dockerArchive([good])));
      // The first ten bytes hold a time and a system, which mean nothing.
      for (const at of spread(bytes.length, 24)) {
        if (at >= 10) await assertRefused(world, flipped(bytes, at), ["BAD_ARCHIVE", "BAD_TAR", "BAD_MANIFEST"]);
      }
    });

    it("in the config of a docker archive makes another image, which --expect refuses", async () => {
      const files = dockerArchive([good]);
      const path = `${hex(good.id)}.json`;
      const config = Buffer.from(good.configBytes.toString().replace('"amd64"', '"amd65"'));
      await assertRefused(world, archive(files.set(path, config)), "IMAGE_ID_MISMATCH", { expect: good.id as never });
    });
  });

  describe("whose documents lie", () => {
    for (const [title, code, bytes] of lies()) {
      it(`is refused with ${code}: ${title}`, async () => {
        await assertRefused(world, bytes, code);
      });
    }
  });

  describe("whose layers reach out", () => {
    const victim = "/outside/victim";
    const refused: [string, () => Uint8Array][] = [
      ["a hard link out by an absolute name", () => one(hardlink("h", `${world.outside}/victim`, { mode: 0o777 }))],
      ["a hard link out by dots", () => one(hardlink("h", `../../../..${victim}`, { mode: 0o777 }))],
      ["a hard link through a symlink out", () => one(symlink("s", world.outside), hardlink("h", "s/victim"))],
      ["a file through a symlink out", () => one(symlink("s", world.outside), file("s/victim", "overwritten"))],
      ["a file through a symlink with dots", () => one(symlink("s", "../../../../outside"), file("s/victim", "x"))],
      ["a file through /proc", () => one(symlink("s", "/proc/self/cwd"), file("s/victim", "x"))],
      ["a whiteout of the layer itself", () => one(file(".wh.."))],
      ["a file in place of the layer", () => one(file("/", "x"))],
      ["a symlink in place of a directory whose time is set last", () => one(dir("d/"), symlink("/d", world.outside))],
      ["a hard link to the resident image", () => one(hardlink("h", `${world.root}/image/overlay2/repositories.json`))],
    ];
    for (const [title, bytes] of refused) {
      it(`is refused: ${title}`, async () => {
        await assertRefused(world, bytes(), ["BAD_TAR", "PATH_ESCAPE"]);
      });
    }

    const contained: [string, () => Uint8Array[]][] = [
      ["a name with dots", () => [file("../../../../outside/victim", "x")]],
      ["a directory entry of the parent", () => [dir("../", { mode: 0o777, uid: 5 })]],
      ["a whiteout with dots", () => [file("../outside/.wh.victim")]],
      ["an opaque mark with dots", () => [opaque("../outside")]],
      [
        "a symlink out whose path the layer has too",
        () => [dir(`.${world.outside}/`), symlink("s", world.outside), file("s/victim", "x"), whiteout("s/sub")],
      ],
      [
        "dots through a symlink",
        () => [dir("a/"), dir("a/b/"), symlink("s", "a/b"), dir("./outside"), file("s/../../../outside/victim", "x")],
      ],
    ];
    for (const [title, pieces] of contained) {
      it(`is contained with a warning, and refused when strict: ${title}`, async () => {
        await assertContained(world, one(...pieces()), "PATH_ESCAPE");
      });
    }

    const inside: [string, () => Uint8Array[]][] = [
      ["an absolute name", () => [file(`${world.outside}/victim`, "x")]],
      ["a symlink replaced by a write through it", () => [symlink("s", `${world.outside}/victim`), file("/s", "x")]],
    ];
    for (const [title, pieces] of inside) {
      it(`is taken even when strict, since it stays inside: ${title}`, async () => {
        await assertInside(world, one(...pieces()), { strict: true });
      });
    }

    it("cannot take the members of a docker archive from elsewhere", async () => {
      const files = dockerArchive([good]);
      const path = [...files.keys()].find((name) => name.endsWith("layer.tar")) as string;
      const links = [`${world.outside}/secret.tar`, "../../../outside/secret.tar", path.split("/")[1] as string];
      for (const target of links) {
        const linked = new Map(files).set(path, { symlink: target });
        await assertRefused(world, archive(linked), ["BAD_ARCHIVE", "PATH_ESCAPE"]);
      }
    });

    it("cannot take the blobs of a layout directory from a fifo or a device", { timeout: 20_000 }, async () => {
      const layout = writeFiles(ociLayout([good]), join(world.outside, "../archives/layout"));
      const blob = join(layout, "blobs/sha256", hex(good.diffIds[0] as string));
      rmSync(blob);
      assert.equal(spawnSync("mkfifo", [blob]).status, 0);
      await assertRefused(world, layout, ["BAD_ARCHIVE", "SIZE_MISMATCH", "DIGEST_MISMATCH"]);
      rmSync(blob);
      spawnSync("ln", ["-s", "/dev/zero", blob]);
      await assertRefused(world, layout, ["BAD_ARCHIVE", "SIZE_MISMATCH", "DIGEST_MISMATCH", "PATH_ESCAPE"]);
      rmSync(layout, { recursive: true });
    });
  });

  describe("that is a bomb", () => {
    const zeros = Buffer.alloc(64 * 2 ** 20);
    it("is refused: hundreds of megabytes of zeros in gzip where a layer should be", async () => {
      const member = gzipSync(zeros, { level: 9 });
      const bomb = Buffer.concat(Array.from({ length: 4 }, () => member));
      await assertRefused(world, lyingLayer(bomb, "+gzip"), ["DIFF_ID_MISMATCH", "BAD_TAR"]);
    });
    it("is refused: hundreds of megabytes of zeros in zstd where a layer should be", async () => {
      await assertRefused(world, lyingLayer(zstdBomb(2048), "+zstd"), ["DIFF_ID_MISMATCH", "BAD_TAR"]);
    });
    it("is refused: headers that claim terabytes", async () => {
      for (const options of [{ size: 2n ** 42n }, { pax: { size: String(2n ** 42n) } }]) {
        await assertRefused(world, one(file("f", "short", options)), "BAD_TAR");
      }
      for (const flag of ["L", "x", "g"]) {
        await assertRefused(world, one(entry(flag, "meta", "x", { size: 2n ** 42n, magic: "gnu" })), "BAD_TAR");
      }
    });
    it("is refused: meta headers by the megabyte", async () => {
      await assertRefused(world, one(paxHeader({ comment: "c".repeat(2 ** 21) }), file("f")), "BAD_TAR");
      await assertRefused(world, one(entry("L", "l", "n".repeat(2 ** 21), { magic: "gnu" }), file("f")), "BAD_TAR");
    });
    it("is refused: documents nested a hundred thousand deep, and huge ones", async () => {
      const deep = Buffer.from("[".repeat(100_000) + "]".repeat(100_000));
      await assertRefused(world, archive(new Map([["manifest.json", deep]])), "BAD_MANIFEST");
      const wide = Buffer.from(`{"a":${deep}}`);
      const files = dockerArchive([image({ layers: [], configBytes: wide })]);
      await assertRefused(world, archive(files), "BAD_CONFIG");
      const spaces = Buffer.alloc(70 * 2 ** 20, " ");
      await assertRefused(world, archive(new Map([["manifest.json", spaces]])), "BAD_MANIFEST");
    });
    it("is refused: an archive of members without end", async () => {
      const members = Buffer.concat(Array.from({ length: 1000 }, () => file("m")));
      const bomb = Buffer.concat(Array.from({ length: 300 }, () => members));
      await assertRefused(world, tar(bomb, END), "BAD_ARCHIVE");
    });
    it("stops when the disk is full, and leaves nothing", { skip: oracle("root") }, async () => {
      const small = join(world.outside, "../archives/small");
      mkdirSync(small);
      const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=8m", "none", small]);
      assert.equal(mounted.status, 0, String(mounted.stderr));
      try {
        const path = world.archive(one(file("big", zeros.subarray(0, 2 ** 24))));
        const { status, json: answer } = await ovlJson<Failure>(["pull", path, "--root", join(small, "root")]);
        assert.deepEqual([answer.error.code, answer.error.exit, status], ["NO_SPACE", 6, 6]);
        const left = spawnSync("du", ["-s", "--block-size=1", small]).stdout.toString();
        assert.ok(Number.parseInt(left, 10) < 2 ** 20, left);
      } finally {
        spawnSync("umount", [small]);
      }
    });
  });

  it("ends with the exit code of the contract and one JSON document", async () => {
    const expected: [Uint8Array, string, number][] = [
      [archive(dockerArchive([good])).subarray(0, 4000), "BAD_ARCHIVE", 4],
      [damagedLayer(), "DIGEST_MISMATCH", 1],
      [one(file("a"), file("a")), "DUPLICATE_PATH", 4],
      [one(symlink("s", "/nowhere"), file("s/x")), "BAD_TAR", 4],
      [archive(new Map([["manifest.json", Buffer.from("{")]])), "BAD_MANIFEST", 4],
    ];
    for (const [bytes, code, exit] of expected) {
      const before = world.snapshot();
      const { status, json: answer } = await ovlJson<Failure>(["pull", world.archive(bytes), "--root", world.root]);
      assert.deepEqual([answer.error.code, answer.error.exit, status], [code, exit, exit]);
      assert.deepEqual(world.snapshot(), before);
    }
    const strict = ["pull", world.archive(one(file("../x", "x"))), "--root", world.root, "--strict"];
    assert.equal((await ovlJson<Failure>(strict)).json.error.code, "PATH_ESCAPE");
  });

  it("leaves the resident image whole", async () => {
    const again = await world.pull(archive(dockerArchive([resident])));
    assert.ok(!(again instanceof OvlError));
    assert.deepEqual(
      again.images[0]?.layers.map(({ status }) => status),
      ["exists", "exists"],
    );
  });
});

interface Failure {
  readonly error: { readonly code: string; readonly message: string; readonly exit: number };
}

/** An OCI archive whose only layer is right by digest and size, and wrong by what it becomes. */
function lyingLayer(blob: Buffer, suffix: string): Buffer {
  const honest = image({ layers: [layer(file("small"))] });
  return archive(ociLayout([honest], { compress: () => blob, suffix }));
}

function damagedLayer(): Buffer {
  const files = ociLayout([good]);
  const path = `blobs/sha256/${hex(good.diffIds[0] as string)}`;
  return archive(files.set(path, flipped(files.get(path) as Buffer, 1500)));
}

/** Where the content of an archive's last member ends: its padding and the end marker may be missing. */
function endOfContent(bytes: Buffer): number {
  let end = 0;
  for (let at = 0; bytes[at] !== 0; ) {
    const size = Number.parseInt(bytes.subarray(at + 124, at + 135).toString("latin1"), 8);
    end = at + 512 + size;
    at = end + (-size & 511);
  }
  return end;
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] as number) ^ (1 << (at % 8));
  return copy;
}

function spread(length: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * length) / count));
}
