/**
 * The tars that other implementations are tested with, those of Go's archive/tar and of vbatts/tar-split (BSD): for
 * each, as the layer of a docker archive and as a root filesystem to import, ovl does what dockerd does with it. Where
 * it does something else, `APART` says what and why.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { asOvlError, OvlError } from "../../src/errors.js";
import { openRootfs } from "../../src/source/rootfs-file.js";
import { importRootfs } from "../../src/store/import.js";
import { openStore } from "../../src/store/store.js";
import { compareRoots } from "../support/compare-roots.js";
import { type Dockerd, startDockerd } from "../support/dockerd.js";
import { expectSound } from "../support/expect-sound.js";
import { archive, dockerArchive, hex, type Image, image, sha256 } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { pullFile } from "../support/pull.js";
import { repoPath } from "../support/repo.js";
import { type Scratch, scratch } from "../support/tmp.js";

const CORPUS = repoPath("..", "shared", "data", "tar-corpus");
const skip = oracle("root", "dockerd", "getfattr") || missingCorpus();

/** What ovl does with a file that dockerd takes (or takes until the disk is full): the code of its refusal, and why. */
const APART: Readonly<Record<string, { readonly code: string; readonly why: string }>> = {
  "go/pax-sparse-big.tar": {
    code: "BAD_TAR",
    why: "60 GB of holes in 6 KB: dockerd writes zeros until the disk is full, ovl stops at --max-layer-size",
  },
  "go/pax-bad-hdr-large.tar.bz2": {
    code: "UNSUPPORTED_MEDIA_TYPE",
    why: "bzip2, which dockerd has a program for and ovl does not read; unpacked, both refuse it",
  },
};

/** dockerd's disk: enough for every file but those that are nothing but hole. */
const DISK = "96m";
const MAX_LAYER_BYTES = 64 * 2 ** 20;

interface Sample {
  /** Path below the corpus. */
  readonly name: string;
  readonly bytes: Buffer;
  /** Of one layer: the file as it is. */
  readonly image: Image;
}

/** null where it was taken. */
type Verdicts = ReadonlyMap<string, string | OvlError | null>;

test("what dockerd does with each file of the public corpora, as a layer, ovl does too", { skip }, async (t) => {
  using work = scratch("corpora");
  const samples = readSamples();
  assert.ok(samples.length >= 50, `${samples.length} files`);
  const from = nowNs();
  using disk = smallDisk(work, "dockerd");
  const byDockerd = await loadAll(disk.path, samples);
  const byOvl = await pullAll(work, samples);
  const now = { from, to: nowNs() };
  const { layers } = compareRoots({ path: disk.path, now }, { path: work.join("ovl"), now });
  let taken = 0;
  for (const { name, image } of samples) {
    await t.test(name, (t) => {
      judge(name, byDockerd, byOvl);
      if (byOvl.get(name) !== null) return t.diagnostic(`refused: ${byOvl.get(name)}`);
      taken++;
      assert.deepEqual(layers.get(hex(image.diffIds[0] as string)), []);
    });
  }
  assert.ok(taken >= 25, `${taken} were taken`);
  expectSound(work.join("ovl"));
});

test("what dockerd does with each file of the public corpora, to import, ovl does too", { skip }, async (t) => {
  using work = scratch("corpora");
  const samples = readSamples();
  const from = nowNs();
  using disk = smallDisk(work, "dockerd");
  const byDockerd = await importAllByDockerd(disk.path, samples, work);
  const byOvl = await importAll(work, samples);
  const now = { from, to: nowNs() };
  const { layers } = compareRoots({ path: disk.path, now }, { path: work.join("ovl"), now });
  for (const { name } of samples) await t.test(name, () => judge(name, byDockerd, byOvl));
  await t.test("and the layers of both roots are the same, bit for bit", () => {
    assert.ok(layers.size >= 25, `${layers.size} layers`);
    for (const [id, differences] of layers) assert.deepEqual(differences, [], id);
  });
  expectSound(work.join("ovl"));
});

function judge(name: string, byDockerd: Verdicts, byOvl: Verdicts): void {
  const [dockerd, ovl] = [byDockerd.get(name), byOvl.get(name)];
  if (ovl instanceof OvlError) assert.equal(ovl.exit, 4, ovl.message);
  const apart = APART[name];
  if (apart === undefined) {
    assert.equal(ovl === null, dockerd === null, `dockerd: ${dockerd ?? "takes it"}; ovl: ${ovl ?? "takes it"}`);
    return;
  }
  assert.equal(ovl instanceof OvlError ? ovl.code : ovl, apart.code, apart.why);
}

async function loadAll(root: string, samples: readonly Sample[]): Promise<Verdicts> {
  await using daemon = await startDockerd(root);
  return await each(samples, ({ image }) => daemon.load(archive(dockerArchive([image]))));
}

async function pullAll(work: Scratch, samples: readonly Sample[]): Promise<Verdicts> {
  const path = work.join("archive.tar");
  return each(samples, async ({ image }) => {
    writeFileSync(path, archive(dockerArchive([image])));
    const answer = await pullFile(work.join("ovl"), path, { jobs: 1, maxLayerBytes: MAX_LAYER_BYTES });
    return answer instanceof OvlError ? answer : null;
  });
}

async function importAllByDockerd(root: string, samples: readonly Sample[], work: Scratch): Promise<Verdicts> {
  await using daemon: Dockerd = await startDockerd(root);
  return await each(samples, async ({ bytes }) => {
    writeFileSync(work.join("rootfs"), bytes);
    const { status, stderr } = await daemon.docker(["import", work.join("rootfs")]);
    return status === 0 ? null : stderr;
  });
}

async function importAll(work: Scratch, samples: readonly Sample[]): Promise<Verdicts> {
  return await each(samples, async ({ bytes }) => {
    writeFileSync(work.join("rootfs"), bytes);
    try {
      using rootfs = await openRootfs(work.join("rootfs"));
      await using store = await openStore({ root: work.join("ovl"), driver: null }, "write");
      await importRootfs(store, rootfs, {
        name: null,
        config: {},
        message: "",
        platform: { os: "linux", architecture: "amd64", variant: null },
        created: "2020-02-02T02:02:02Z",
        maxLayerBytes: MAX_LAYER_BYTES,
      });
      return null;
    } catch (thrown) {
      return asOvlError(thrown);
    }
  });
}

async function each(
  samples: readonly Sample[],
  take: (sample: Sample) => Promise<string | OvlError | null>,
): Promise<Verdicts> {
  const verdicts = new Map<string, string | OvlError | null>();
  for (const sample of samples) verdicts.set(sample.name, await take(sample));
  return verdicts;
}

function readSamples(): Sample[] {
  return ["go", "tar-split"].flatMap((directory) =>
    readdirSync(join(CORPUS, directory)).map((file) => {
      const name = `${directory}/${file}`;
      const bytes = readFileSync(join(CORPUS, name));
      return { name, bytes, image: imageOf(name, bytes) };
    }),
  );
}

/** The layer is the file as it is, compressed or not; its DiffID that of the tar in it. */
function imageOf(name: string, bytes: Buffer): Image {
  const diffId = sha256(plain(bytes));
  const config = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [diffId] } };
  const tag = `corpora/${name.toLowerCase().replace(/[^a-z0-9]+/g, "-")}:1`;
  const built = image({ layers: [bytes], names: [tag], configBytes: Buffer.from(JSON.stringify(config)) });
  return { ...built, diffIds: [diffId] };
}

function plain(bytes: Buffer): Buffer {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzipSync(bytes);
  if (bytes.toString("latin1", 0, 3) !== "BZh") return bytes;
  const { status, stdout } = spawnSync("bzip2", ["-dc"], { input: bytes, maxBuffer: 2 ** 28 });
  return status === 0 ? stdout : bytes;
}

/** A filesystem that holes fill in a second instead of all of the machine's memory. */
function smallDisk(work: Scratch, name: string): { path: string } & Disposable {
  const disk = work.dir(name);
  assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", `size=${DISK}`, "none", disk]).status, 0);
  // A daemon's end unmounts its root, too.
  return { path: join(disk, "root"), [Symbol.dispose]: () => void spawnSync("umount", ["-l", disk]) };
}

function missingCorpus(): string | false {
  if (existsSync(CORPUS)) return false;
  if (process.env["OVL_REQUIRE_ORACLES"] === "1") throw new Error(`OVL_REQUIRE_ORACLES=1, but there is no ${CORPUS}`);
  return `no corpora of tars at ${CORPUS}`;
}

function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
