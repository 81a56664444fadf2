/** Images of one layer, as large as one likes, in a docker archive; no tree on a disk has to be made for them. */
import { spawn, spawnSync } from "node:child_process";
import { createHash, type Hash } from "node:crypto";
import { createWriteStream, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { byteStringOf } from "../src/model/bytes.js";
import { END_OF_ARCHIVE, encodeHeader, padding } from "../src/tar/writer.js";

export interface LayerShape {
  readonly files: number;
  readonly bytesPerFile: number;
  /** `text` shrinks to less than half, as most layers do; `zeros` shrink to next to nothing. */
  readonly content: "text" | "zeros";
}

const CHUNK = 1 << 20;
const FILES_OF_A_DIRECTORY = 1000;

/** Objects that the layer is when it has been extracted. */
export function objectsOf({ files }: LayerShape): number {
  return files + Math.ceil(files / FILES_OF_A_DIRECTORY);
}

/** @returns path of the archive, which has the layer compressed by gzip, in `directory` */
export async function oneLayerArchive(directory: string, shape: LayerShape): Promise<string> {
  const parts = join(directory, "parts");
  mkdirSync(parts, { recursive: true });
  const diffId = createHash("sha256");
  const gzip = spawn("gzip", ["-1", "-n"], { stdio: ["pipe", "pipe", "inherit"] });
  await Promise.all([
    pipeline(Readable.from(layer(shape, diffId), { objectMode: false }), gzip.stdin),
    pipeline(gzip.stdout, createWriteStream(join(parts, "layer.tar.gz"))),
  ]);
  const diffIds = [`sha256:${diffId.digest("hex")}`];
  const config = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: diffIds } };
  const manifest = [{ Config: "config.json", RepoTags: null, Layers: ["layer.tar.gz"] }];
  writeFileSync(join(parts, "config.json"), JSON.stringify(config));
  writeFileSync(join(parts, "manifest.json"), JSON.stringify(manifest));
  const archive = join(directory, "image.tar");
  const { status, stderr } = spawnSync("tar", [
    "-C",
    parts,
    "-cf",
    archive,
    "manifest.json",
    "config.json",
    "layer.tar.gz",
  ]);
  if (status !== 0) throw new Error(String(stderr));
  rmSync(parts, { recursive: true });
  return archive;
}

/** The layer's tar, hashed on the way, in pieces that are worth a write. */
function* layer(shape: LayerShape, hash: Hash): Generator<Uint8Array> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  for (const piece of blocks(shape)) {
    pieces.push(piece);
    length += piece.length;
    if (length < CHUNK) continue;
    yield* flushed(pieces, hash);
    [pieces, length] = [[], 0];
  }
  yield* flushed(pieces, hash);
}

function* flushed(pieces: readonly Uint8Array[], hash: Hash): Generator<Uint8Array> {
  const [only] = pieces;
  const bytes = pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  hash.update(bytes);
  yield bytes;
}

function* blocks({ files, bytesPerFile, content }: LayerShape): Generator<Uint8Array> {
  const source = content === "zeros" ? Buffer.alloc(CHUNK) : text();
  for (let file = 0; file < files; file++) {
    const directory = `d${Math.floor(file / FILES_OF_A_DIRECTORY)}/`;
    if (file % FILES_OF_A_DIRECTORY === 0)
      yield encodeHeader({ type: "directory", name: byteStringOf(directory), mode: 0o755 });
    yield encodeHeader({
      type: "file",
      name: byteStringOf(`${directory}file-${file}`),
      mode: 0o644,
      size: bytesPerFile,
    });
    for (let rest = bytesPerFile; rest > 0; rest -= CHUNK) yield source.subarray(0, rest);
    yield padding(bytesPerFile);
  }
  yield END_OF_ARCHIVE;
}

/** A third of it is random, in pieces as short as words are. */
function text(): Buffer {
  const words = Buffer.alloc(CHUNK, " of a line of text that is like others\n");
  for (let at = 0; at < CHUNK; at += 48) {
    words.write(createHash("sha256").update(String(at)).digest("base64").slice(0, 16), at);
  }
  return words;
}
