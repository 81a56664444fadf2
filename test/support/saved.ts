/** Saved archives and layouts, read without any of ovl's own readers. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { sha256 } from "./image-builder.js";

/** An entry of manifest.json. */
export interface ManifestItem {
  readonly Config: string;
  readonly RepoTags: readonly string[] | null;
  readonly Layers: readonly string[];
  readonly Parent?: string;
  readonly BaseChainID?: string;
}

export interface IndexEntry {
  readonly digest: string;
  readonly size: number;
  readonly platform: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface SavedImage {
  readonly id: string;
  /** Of the layers' tars, bottom to top, by their bytes. */
  readonly diffIds: readonly string[];
}

/** Members in their order, and a directory with their content, unpacked by tar(1). */
export function unpack(file: string, into: string): string[] {
  mkdirSync(into, { recursive: true });
  const { status, stdout, stderr } = spawnSync("tar", ["-C", into, "-xvf", file], { encoding: "utf8" });
  if (status !== 0) throw new Error(`tar -xvf ${file}: ${stderr}`);
  return stdout.trim().split("\n");
}

export function readJson<T>(...path: string[]): T {
  return JSON.parse(readFileSync(join(...path), "utf8")) as T;
}

/** Images by manifest.json: ids and DiffIDs are computed from the bytes that are there. */
export function dockerImages(dir: string): SavedImage[] {
  const hashes = new Map<string, string>();
  const hashOf = (path: string): string => {
    const known = hashes.get(path) ?? sha256(readFileSync(join(dir, path)));
    hashes.set(path, known);
    return known;
  };
  return readJson<ManifestItem[]>(dir, "manifest.json").map(({ Config, Layers }) => ({
    id: hashOf(Config),
    diffIds: Layers.map(hashOf),
  }));
}

/** Images by index.json. Throws for a blob that is not what its name says. */
export function ociImages(dir: string): SavedImage[] {
  const blobs = join(dir, "blobs/sha256");
  const plain = new Map<string, string>();
  for (const name of readdirSync(blobs)) {
    const bytes = readFileSync(join(blobs, name));
    if (sha256(bytes) !== `sha256:${name}`) throw new Error(`blob ${name} has other bytes`);
    plain.set(`sha256:${name}`, sha256(decompressed(bytes)));
  }
  const blob = (digest: string) => join(blobs, digest.slice("sha256:".length));
  return readJson<{ manifests: IndexEntry[] }>(dir, "index.json").manifests.map(({ digest }) => {
    const manifest = readJson<{ config: IndexEntry; layers: IndexEntry[] }>(blob(digest));
    return {
      id: manifest.config.digest,
      diffIds: manifest.layers.map((layer) => plain.get(layer.digest) ?? "missing"),
    };
  });
}

/** The image of a `dir:` of skopeo's, whose blobs are called by their digests alone. */
export function copiedImage(dir: string): SavedImage {
  const { config, layers } = readJson<{ config: IndexEntry; layers: IndexEntry[] }>(dir, "manifest.json");
  const blob = ({ digest }: IndexEntry) => readFileSync(join(dir, digest.slice("sha256:".length)));
  return { id: sha256(blob(config)), diffIds: layers.map((layer) => sha256(decompressed(blob(layer)))) };
}

function decompressed(bytes: Buffer): Buffer {
  if (bytes.length < 4) return bytes;
  if (bytes.readUInt16BE(0) === 0x1f8b) return gunzipSync(bytes);
  if (bytes.readUInt32LE(0) !== 0xfd2fb528) return bytes;
  const { status, stdout } = spawnSync("zstd", ["-dc"], { input: bytes, maxBuffer: 1 << 30 });
  if (status !== 0) throw new Error("zstd -d failed");
  return stdout;
}
