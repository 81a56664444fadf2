/**
 * The image that is measured: a Debian system and three layers of changes on it, as a docker archive with
 * plain layers (the best case for `docker load`) and as an OCI archive with gzip layers.
 * Made once and kept in /var/tmp, because mmdebstrap takes its time.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fresh } from "./peers.js";

export interface RealImage {
  readonly dockerArchive: string;
  readonly ociArchive: string;
  readonly imageId: string;
  readonly layers: number;
  /** Files, directories and links of all layers. */
  readonly objects: number;
  readonly tarBytes: number;
  readonly blobBytes: number;
}

const CACHE = "/var/tmp/ovl-bench";

/** Packages that bring many small files, some large ones, and deep directories: what images are made of. */
const PACKAGES = "perl,python3,git,gcc,curl,vim-tiny,iproute2";

export function realImage(): RealImage {
  return imageIn(CACHE, debian);
}

/** A few small files in the same places, for a run that only checks that everything runs. */
export function smallImage(): RealImage {
  return imageIn(fresh("image"), handful);
}

/** @param makeBase writes the tar of the lowest layer to a path */
function imageIn(directory: string, makeBase: (tar: string, work: string) => void): RealImage {
  const done = join(directory, "image.json");
  if (!existsSync(done)) make(directory, done, makeBase);
  return JSON.parse(readFileSync(done, "utf8")) as RealImage;
}

function debian(tar: string, work: string): void {
  const flags = `--quiet --mode=root --variant=minbase --include=${PACKAGES}`;
  shell(`mmdebstrap ${flags} ${codename()} ${tar} 2>${join(work, "log")}`);
}

function handful(tar: string, work: string): void {
  const tree = join(work, "tree");
  shell(`mkdir -p ${tree} && cd ${tree} && mkdir -p etc usr/bin usr/share usr/lib/python3 usr/lib/git-core`);
  shell(`cd ${tree} && for i in $(seq 50); do seq $i 2000 > usr/share/$i && ln -s $i usr/share/l$i; done`);
  shell(`cd ${tree} && cp /etc/passwd etc && cp usr/share/1 usr/bin && cp usr/share/2 usr/lib/git-core`);
  shell(`tar -C ${tree} -cf ${tar} --sort=name .`);
}

function make(directory: string, done: string, makeBase: (tar: string, work: string) => void): void {
  const work = join(directory, "work");
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const base = join(work, "base.tar");
  makeBase(base, work);
  // Changes as a Dockerfile makes them: a tree added, files rewritten, one directory taken away.
  const layers = [base, join(work, "l2.tar"), join(work, "l3.tar"), join(work, "l4.tar")];
  shell(`mkdir -p ${work}/a/opt && tar -C ${work}/a/opt -xf ${base} ./usr/share ./usr/lib/python3 ./etc`);
  shell(`tar -C ${work}/a -cf ${layers[1]} --sort=name opt`);
  shell(`mkdir -p ${work}/b/srv && tar -C ${work}/b/srv -xf ${base} ./usr/bin ./usr/lib/git-core`);
  shell(`tar -C ${work}/b -cf ${layers[2]} --sort=name srv`);
  shell(`mkdir -p ${work}/c/opt && touch ${work}/c/opt/.wh.etc && tar -C ${work}/c -cf ${layers[3]} --sort=name opt`);
  const diffIds = layers.map((file) => `sha256:${sha256File(file)}`);
  const config = JSON.stringify({
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    created: "2024-01-01T00:00:00Z",
    config: { Cmd: ["/bin/sh"] },
    history: diffIds.map((_, i) => ({ created: "2024-01-01T00:00:00Z", created_by: `step ${i}` })),
    rootfs: { type: "layers", diff_ids: diffIds },
  });
  const image = {
    dockerArchive: join(directory, "image.docker.tar"),
    ociArchive: join(directory, "image.oci.tar"),
    imageId: `sha256:${createHash("sha256").update(config).digest("hex")}`,
    layers: layers.length,
    // The base names its own root directory, which is not below it.
    objects: layers.reduce((sum, file) => sum + Number(shell(`tar -tf ${file} | grep -vcx './'`)), 0),
    tarBytes: layers.reduce((sum, file) => sum + fileSize(file), 0),
  };
  writeDockerArchive(work, config, layers, image.dockerArchive);
  const blobBytes = writeOciArchive(work, config, layers, image.ociArchive);
  rmSync(work, { recursive: true });
  writeFileSync(`${done}.new`, JSON.stringify({ ...image, blobBytes }));
  renameSync(`${done}.new`, done);
}

/** The release that this machine runs: its own package sources and keys are known to work. */
function codename(): string {
  return /^VERSION_CODENAME=(\w+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "stable";
}

function writeDockerArchive(work: string, config: string, layers: readonly string[], out: string): void {
  const dir = join(work, "docker");
  mkdirSync(dir);
  writeFileSync(join(dir, "config.json"), config);
  const names = layers.map((file, i) => {
    shell(`ln ${file} ${join(dir, `layer${i}.tar`)}`);
    return `layer${i}.tar`;
  });
  writeFileSync(
    join(dir, "manifest.json"),
    JSON.stringify([{ Config: "config.json", RepoTags: ["ovl/bench:1"], Layers: names }]),
  );
  shell(`tar -C ${dir} -cf ${out} manifest.json config.json ${names.join(" ")}`);
}

function writeOciArchive(work: string, config: string, layers: readonly string[], out: string): number {
  const dir = join(work, "oci");
  const blobs = join(dir, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const put = (file: string, mediaType: string) => {
    const hex = sha256File(file);
    const size = fileSize(file);
    renameSync(file, join(blobs, hex));
    return { mediaType, digest: `sha256:${hex}`, size };
  };
  const putJson = (value: string, mediaType: string) => {
    writeFileSync(join(work, "json"), value);
    return put(join(work, "json"), mediaType);
  };
  const descriptors = layers.map((file) => {
    shell(`gzip -6 -n -c ${file} > ${file}.gz`);
    return put(`${file}.gz`, "application/vnd.oci.image.layer.v1.tar+gzip");
  });
  const manifest = putJson(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: putJson(config, "application/vnd.oci.image.config.v1+json"),
      layers: descriptors,
    }),
    "application/vnd.oci.image.manifest.v1+json",
  );
  const annotations = { "org.opencontainers.image.ref.name": "ovl/bench:1" };
  writeFileSync(
    join(dir, "index.json"),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  writeFileSync(join(dir, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  shell(`tar -C ${dir} -cf ${out} oci-layout index.json blobs`);
  return descriptors.reduce((sum, { size }) => sum + size, 0);
}

function shell(command: string): string {
  const { status, stdout, stderr } = spawnSync("sh", ["-c", command], { maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout.toString("utf8");
}

function sha256File(file: string): string {
  return shell(`sha256sum ${file}`).slice(0, 64);
}

function fileSize(file: string): number {
  return Number(shell(`stat -c %s ${file}`));
}
