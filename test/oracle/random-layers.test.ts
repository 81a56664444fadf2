/**
 * Layers of random entries, extracted by dockerd and by ovl: the same verdict, the same tree, the same size.
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
import { TarReader } from "../../src/tar/reader.js";
import { compareTrees } from "../support/compare-trees.js";
import { startDockerd } from "../support/dockerd.js";
import { oracle } from "../support/oracles.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { readTree, type Tree } from "../support/tree.js";
import { randomLayer, tarOf } from "./random-layer.js";

const RUNS = Number(process.env["OVL_RANDOM_LAYERS"] ?? 100);
const SEED = Number(process.env["OVL_RANDOM_SEED"] ?? 20);

interface Extracted {
  readonly tree: Tree;
  readonly size: number;
}

test("dockerd and ovl extract random layers alike", { skip: oracle("root", "dockerd", "getfattr") }, async () => {
  using place = scratch("random");
  await using daemon = await startDockerd(place.dir("root"));
  const verdicts = { taken: 0, refused: 0 };
  let number = 0;
  await fc.assert(
    fc.asyncProperty(randomLayer, async (entries) => {
      const archive = tarOf(entries);
      const from = BigInt(Date.now() - 20) * 1_000_000n;
      const theirs = await byDockerd(daemon.socket, archive);
      const ours = byOvl(place, `ovl-${number++}`, archive);
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
});

function said(outcome: Extracted | Error): string {
  return outcome instanceof Error ? outcome.message : "taken";
}

function byOvl(place: Scratch, name: string, archive: Buffer): Extracted | Error {
  const directory = place.join(name);
  mkdirSync(directory, { mode: 0o755 });
  try {
    using applier = new LayerApplier(directory);
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
    GraphDriver: { Data: { UpperDir: string } };
  };
  const tree = readTree(image.GraphDriver.Data.UpperDir);
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
