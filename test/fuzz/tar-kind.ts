/** Layers: read, listed, applied to a directory, and given back bit for bit where nothing was said against it. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { loadCrc64 } from "../../src/blob/crc64.js";
import { removeTree } from "../../src/driver/remove-tree.js";
import { OvlError } from "../../src/errors.js";
import { check } from "../../src/layer/check.js";
import { extract } from "../../src/layer/extract.js";
import { Jail } from "../../src/layer/jail.js";
import { openLayerFile } from "../../src/layer/layer-file.js";
import { list } from "../../src/layer/list.js";
import { Ring } from "../../src/layer/ring.js";
import { openSplit } from "../../src/layer/split-file.js";
import type { DiffId } from "../../src/model/digest.js";
import { Assembly } from "../../src/tar-split/assemble.js";
import { decodeSplit } from "../../src/tar-split/decode.js";
import { sha256 } from "../support/image-builder.js";
import { readAll, sourceOf } from "../support/sources.js";
import { pieceSizes } from "./bytes.js";
import { type Kind, MAX_BYTES, refusalOf } from "./kind.js";
import type { Random } from "./random.js";
import { randomTar } from "./tars.js";

let newCrc64: Awaited<ReturnType<typeof loadCrc64>>;

export const tarKind: Kind = {
  async prepare() {
    newCrc64 = await loadCrc64();
  },
  run(random, { own, outside }) {
    const tar = randomTar(random, { outside });
    const directory = join(own, "diff");
    const tarSplit = join(own, "tar-split.json.gz");
    mkdirSync(directory);
    try {
      takeAndGiveBack(tar, random, directory, tarSplit);
    } finally {
      removeTree(directory);
    }
  },
};

function takeAndGiveBack(tar: Buffer, random: Random, directory: string, tarSplit: string): void {
  const job = { diffId: sha256(tar) as DiffId, maxBytes: MAX_BYTES, ring: new Ring(0).memory };
  const source = () => sourceOf(tar, ...(tar.length > 100_000 ? [256 * 1024] : pieceSizes(random)));
  assert.equal(check({ stage: "check", ...job }, source()).diffId, job.diffId);
  const listed = refusalOf(() => list({ stage: "list", ...job }, source(), newCrc64));
  const strict = random.once(4);
  const taken = refusalOf(() => extract({ stage: "extract", directory, tarSplit, strict, ...job }, source(), newCrc64));
  if (taken instanceof OvlError) return;
  assert.ok(!(listed instanceof OvlError), `taken, but not listed: ${listed}`);
  if (taken.warnings.some(({ code }) => code === "IRREPRODUCIBLE" || code === "LEFT_OUT")) return;
  using split = openSplit(tarSplit);
  using jail = new Jail(directory);
  using assembly = new Assembly({
    entries: decodeSplit(split, tarSplit),
    open: (name) => openLayerFile(jail, name),
    newCrc64,
  });
  assert.equal(sha256(readAll(assembly)), job.diffId, "taken without a warning, but not given back");
}
