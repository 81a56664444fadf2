/** tar-split files of a stored layer: decoded, and put together with files that may be others than they speak of. */
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { loadCrc64 } from "../../src/blob/crc64.js";
import { ByteLimit } from "../../src/blob/limit.js";
import { removeTree } from "../../src/driver/remove-tree.js";
import { Jail } from "../../src/layer/jail.js";
import { openLayerFile } from "../../src/layer/layer-file.js";
import { openSplit } from "../../src/layer/split-file.js";
import { Assembly } from "../../src/tar-split/assemble.js";
import { decodeSplit } from "../../src/tar-split/decode.js";
import { SplitReader } from "../../src/tar-split/disassemble.js";
import { TarSplitWriter } from "../../src/tar-split/writer.js";
import { sourceOf } from "../support/sources.js";
import { dir, file, hardlink, layer, symlink } from "../support/tar-builder.js";
import { damaged } from "./bytes.js";
import { damagedJson } from "./documents.js";
import { type Kind, MAX_BYTES, refusalOf } from "./kind.js";
import type { Random } from "./random.js";

const content = "content ".repeat(50);
const sample = layer(
  dir("d/"),
  file("d/a", content),
  file("b", "b"),
  hardlink("c", "b"),
  symlink("s", "d/a"),
  file("name \xe4 \x1b[2J", "x"),
);

let newCrc64: Awaited<ReturnType<typeof loadCrc64>>;
let lines: readonly Buffer[] = [];

export const splitKind: Kind = {
  async prepare({ kept, outside }) {
    newCrc64 = await loadCrc64();
    const written: Buffer[] = [];
    using writer = new TarSplitWriter((bytes) => written.push(Buffer.from(bytes)));
    new SplitReader(sourceOf(sample), writer, newCrc64).finish();
    writer.end();
    const text = gunzipSync(Buffer.concat(written)).toString("latin1");
    lines = text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => Buffer.from(line, "latin1"));
    const root = join(kept, "diff");
    mkdirSync(join(root, "d"), { recursive: true });
    writeFileSync(join(root, "d/a"), content);
    writeFileSync(join(root, "b"), "b");
    symlinkSync(join(outside, "victim"), join(root, "out"));
    symlinkSync("out", join(root, "s"));
    writeFileSync(join(root, "endless"), "");
    truncateSync(join(root, "endless"), 2 ** 42);
  },
  run(random, { own, kept }) {
    const path = join(own, "tar-split.json.gz");
    writeFileSync(path, splitFile(random));
    try {
      refusalOf(() => rebuild(path, join(kept, "diff"), random.once(2)));
    } finally {
      removeTree(path);
    }
  },
};

function rebuild(path: string, directory: string, tolerant: boolean): void {
  const limit = new ByteLimit(MAX_BYTES, "it");
  using split = openSplit(path);
  using jail = new Jail(directory);
  using tar = new Assembly({
    entries: decodeSplit(split, path),
    open: (name) => openLayerFile(jail, name),
    newCrc64,
    ...(tolerant ? { onProblem: () => {} } : {}),
  });
  for (let bytes = tar.read(); bytes !== null; bytes = tar.read()) limit.add(bytes.length);
}

function splitFile(random: Random): Buffer {
  const changed = lines.map((line) => (random.once(3) ? damagedLine(line, random) : line));
  if (random.once(4)) changed.splice(random.below(changed.length), 0, random.pick(changed));
  if (random.once(30)) changed.push(Buffer.alloc(random.pick([2 ** 20, 8 * 2 ** 20]), random.pick(["0", " ", "["])));
  const text = Buffer.concat(changed.flatMap((line) => [line, Buffer.from("\n")]));
  const file = gzipSync(random.once(6) ? damaged(text, random) : text, { level: 1 });
  return random.once(8) ? damaged(file, random) : random.once(50) ? text : file;
}

function damagedLine(line: Buffer, random: Random): Buffer {
  const json = JSON.parse(line.toString("utf8")) as Record<string, unknown>;
  const name = random.pick(["endless", "out", "../../outside/victim", "/etc/passwd", "s", "d", "d/a", ""]);
  return damagedJson(random.once(3) ? { ...json, name } : json, random);
}
