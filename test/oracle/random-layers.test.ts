/**
 * Layers of random entries, extracted by dockerd and by ovl: the same verdict, the same tree, the same size. Names
 * come from few components, so that entries meet: replace, link, whiten out and climb over each other.
 *
 * OVL_RANDOM_LAYERS=2000 tries more, OVL_RANDOM_SEED=… others. A failure prints the smallest list of entries found.
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { request } from "node:http";
import { test } from "node:test";
import fc from "fast-check";
import { asOvlError, OvlError } from "../../src/errors.js";
import { LayerApplier } from "../../src/layer/apply.js";
import { byteString } from "../../src/model/bytes.js";
import { cleanPath } from "../../src/tar/clean.js";
import { TarReader } from "../../src/tar/reader.js";
import { compareTrees } from "../support/compare-trees.js";
import { startDockerd } from "../support/dockerd.js";
import { oracle } from "../support/oracles.js";
import { END, type EntryOptions, entry, tar } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { readTree, type Tree } from "../support/tree.js";

const RUNS = Number(process.env["OVL_RANDOM_LAYERS"] ?? 100);
const SEED = Number(process.env["OVL_RANDOM_SEED"] ?? 20);

interface RandomEntry {
  readonly flag: string;
  readonly name: string;
  readonly content: string;
  readonly options: EntryOptions;
}

const component = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("a", "b", "c") },
  { weight: 2, arbitrary: fc.constantFrom(".wh.a", ".wh.b", ".wh..wh..opq") },
  { weight: 1, arbitrary: fc.constantFrom("..", ".", "", ".wh.", ".wh..", ".wh..wh.plnk", ".wh..wh.a") },
);
const path = fc
  .tuple(
    fc.constantFrom("", "", "", "", "./", "/", "../", "a/../"),
    fc.array(component, { minLength: 1, maxLength: 3 }),
    fc.constantFrom("", "", "", "/"),
  )
  .map(([start, components, end]) => `${start}${components.join("/")}${end}`);

const time = fc.constantFrom(
  "0",
  "7",
  "1000000000.123456789",
  "-1.5",
  "9223372036.854775807",
  "9223372036.9",
  "4294967296",
);
const id = fc.constantFrom(0, 0, 5, 65534, 2n ** 32n - 1n, 2n ** 32n + 7n);
const xattrs = fc.constantFrom<Record<string, string>>(
  {},
  {},
  {},
  { "user.k": "v" },
  { "trusted.k": "v" },
  { nodot: "v" },
  { "trusted.overlay.opaque": "y" },
);
/**
 * Directories and files more often, links half as often, the rest now and then. No fifos for the overlay driver:
 * dockerd waits for ever for a writer of fifo `a` when it comes to `a/.wh.b`.
 */
const FLAGS = { overlay2: "5555000000112233467g", overlay: "555500000011223347g" };

const randomEntry = (driver: DriverName): fc.Arbitrary<RandomEntry> =>
  fc
    .record({
      flag: fc.constantFrom(...FLAGS[driver]),
      name: path,
      link: path,
      content: fc.constantFrom("", "x", "12345"),
      mode: fc.constantFrom(0o644, 0o755, 0o4755, 0o2775, 0o1777, 0, 0o777),
      uid: id,
      gid: id,
      mtime: time,
      atime: fc.option(time),
      device: fc.constantFrom<[number, number]>([0, 0], [1, 3], [300, 70000]),
      xattrs,
    })
    .map(({ flag, name, link, content, mode, uid, gid, mtime, atime, device, xattrs }) => ({
      flag,
      name,
      content: flag === "0" ? content : "",
      options: {
        mode,
        uid,
        gid,
        xattrs,
        pax: { mtime, ...(atime === null ? {} : { atime }) },
        ...(flag === "1" || flag === "2" ? { link } : {}),
        ...(flag === "3" || flag === "4" ? { device } : {}),
      },
    }));

/** No two of one cleaned name: those are refused before anything is extracted, which other tests show. */
const randomLayer = (driver: DriverName) =>
  fc.uniqueArray(randomEntry(driver), {
    minLength: 1,
    maxLength: 12,
    selector: ({ name }) => cleanPath(byteString(Buffer.from(name))),
  });

interface Extracted {
  readonly tree: Tree;
  readonly size: number;
}

for (const driver of ["overlay2", "overlay"] as const) {
  const title = `dockerd and ovl extract random layers of the ${driver} driver alike`;
  test(title, { skip: oracle("root", "dockerd", "getfattr") }, () => compareRandomLayers(driver));
}

type DriverName = "overlay2" | "overlay";

async function compareRandomLayers(driver: DriverName): Promise<void> {
  using place = scratch("random");
  await using daemon = await startDockerd(place.dir("root"), driver);
  const verdicts = { taken: 0, refused: 0 };
  let number = 0;
  await fc.assert(
    fc.asyncProperty(randomLayer(driver), async (entries) => {
      const archive = tar(
        ...entries.map(({ flag, name, content, options }) => entry(flag, name, content, options)),
        END,
      );
      const from = BigInt(Date.now() - 20) * 1_000_000n;
      const theirs = await byDockerd(daemon.socket, archive);
      const ours = byOvl(place, `ovl-${number++}`, archive, driver);
      const now = { from, to: BigInt(Date.now() + 1) * 1_000_000n };
      if (theirs instanceof Error || ours instanceof Error) {
        assert.equal(ours instanceof Error, theirs instanceof Error, `dockerd: ${said(theirs)}, ovl: ${said(ours)}`);
        verdicts.refused++;
        return;
      }
      verdicts.taken++;
      assert.deepEqual(compareTrees(theirs.tree, ours.tree, now, now), []);
      assert.equal(ours.size, theirs.size);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  // Were nearly everything refused, or nothing, this would show little.
  const least = RUNS / 10;
  assert.ok(verdicts.taken > least && verdicts.refused > least, JSON.stringify(verdicts));
}

function said(outcome: Extracted | Error): string {
  return outcome instanceof Error ? outcome.message : "taken";
}

function byOvl(place: Scratch, name: string, archive: Buffer, driver: DriverName): Extracted | Error {
  const directory = place.join(name);
  mkdirSync(directory, { mode: 0o755 });
  try {
    using applier = new LayerApplier(directory, { driver });
    const chunks = [archive];
    const reader = new TarReader({ read: () => chunks.pop() ?? null });
    for (let one = reader.next(); one !== null; one = reader.next()) applier.apply(one, reader.payload());
    const { size } = applier.finish();
    return { tree: readTree(directory), size };
  } catch (thrown) {
    const error = asOvlError(thrown);
    if (error.code === "BAD_TAR") return error;
    throw new OvlError("INTERNAL", `ovl fails in a way of its own: ${error.message}`, {}, { cause: thrown });
  }
}

/** By `docker import`: a tar becomes one layer, with no archive around it. */
async function byDockerd(socket: string, archive: Buffer): Promise<Extracted | Error> {
  const lines = await call(socket, "POST", "/images/create?fromSrc=-", archive);
  const { status, error } = JSON.parse(lines.trim().split("\n").at(-1) ?? "{}") as { status?: string; error?: string };
  if (status === undefined) return new Error(error);
  const image = JSON.parse(await call(socket, "GET", `/images/${status}/json`)) as {
    Size: number;
    GraphDriver: { Data: { UpperDir: string } | { RootDir: string } };
  };
  const { Data } = image.GraphDriver;
  const tree = readTree("UpperDir" in Data ? Data.UpperDir : Data.RootDir);
  await call(socket, "DELETE", `/images/${status}`);
  return { tree, size: image.Size };
}

function call(socketPath: string, method: string, path: string, body?: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath, method, path }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
      response.on("error", reject);
    });
    req.on("error", reject);
    req.end(body);
  });
}
