/**
 * The commands that write, as they are run in the process of a test: real ones, without the start of a program each.
 */
import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { archive, dockerArchive, image, ociLayout, writeFiles } from "../support/image-builder.js";
import { dir, file, layer, symlink, whiteout } from "../support/tar-builder.js";
import type { Scratch } from "../support/tmp.js";

/** Runs `ovl ARGV`; throws what the command throws. Nothing of success is printed but ids. */
export async function ovlHere(argv: readonly string[]): Promise<void> {
  const module = (await import(`../../src/commands/${argv[0]}.js`)) as {
    readonly default: { run(argv: readonly string[]): Promise<void> };
  };
  await module.default.run(argv.slice(1));
}

/** Files outside of the root that the cases read. */
export interface Inputs {
  /** `docker save` of `new:1`, whose lower layer the root has. */
  readonly docker: string;
  /** The same image as an OCI layout with gzip layers. */
  readonly oci: string;
  /** `docker`, compressed: read by way of a temporary file. */
  readonly compressed: string;
  /** Of a root filesystem. */
  readonly rootfs: string;
  /** A directory to copy. */
  readonly tree: string;
}

const base = layer(dir("etc/"), file("etc/passwd", "root:x:0:0\n"), file("bin/hello", Buffer.alloc(20_000, 7)));
const top = layer(file("etc/app.conf", "x=1\n"), symlink("bin/hi", "hello"), whiteout("etc/passwd"));
const news = layer(
  dir("srv/"),
  file("srv/a", Buffer.alloc(9000, 1)),
  file("srv/b", "b", { xattrs: { "user.note": "x" } }),
  file("etc/passwd", "again\n"),
  symlink("srv/link", "a"),
);
const app = image({ layers: [base, top], names: ["app:1", "app:latest"] });
const old = image({ layers: [base, layer(file("old", "o"))], names: ["old:1"] });
const added = image({ layers: [base, news], names: ["new:1", "new:latest"] });

export function makeInputs(work: Scratch): Inputs {
  const put = (name: string, bytes: Uint8Array) => {
    writeFileSync(work.join(name), bytes);
    return work.join(name);
  };
  const docker = archive(dockerArchive([added]));
  const tree = work.dir("tree");
  writeFileSync(work.join("tree", "large"), Buffer.alloc(30_000, 5));
  writeFileSync(work.join("tree", "small"), "small\n");
  return {
    docker: put("new.tar", docker),
    oci: writeFiles(ociLayout([added], { compress: gzipSync, suffix: "+gzip" }), work.dir("oci")),
    compressed: put("new.tar.gz", gzipSync(docker)),
    rootfs: put("rootfs.tar", news),
    tree,
  };
}

/**
 * A root with `app:1`, which has a second name, `old:1`, a dangling image, and a container of the first with a
 * file of its own.
 */
export async function makeRoot(root: string, work: Scratch): Promise<void> {
  const source = writeOut(work, "app.tar", archive(dockerArchive([app, old])));
  await ovlHere(["pull", source, "-q", "--root", root]);
  await ovlHere(["import", writeOut(work, "other.tar", layer(file("only", "x"))), "-q", "--root", root]);
  await ovlHere(["create", "--name", "box", "-q", "--root", root, "app:1"]);
  writeFileSync(work.join("mine"), "written in the container\n");
  await ovlHere(["cp", work.join("mine"), "box:/etc/mine", "--root", root]);
}

function writeOut(work: Scratch, name: string, bytes: Uint8Array): string {
  writeFileSync(work.join(name), bytes);
  return work.join(name);
}

export interface Case {
  readonly title: string;
  readonly argv: (root: string, inputs: Inputs, out: string) => readonly string[];
  /**
   * What a failure leaves: the root as it was, for `whole` or as it is meant to be; for `part` what has come so far,
   * whole files only, as with `docker cp`; for `less` something that is gone in part, which running the command again
   * brings to its end.
   */
  readonly leaves?: "whole" | "part" | "less";
}

/** `out` is a place beside the root, on the same file system. */
export const CASES: readonly Case[] = [
  { title: "pull docker-archive", argv: (root, { docker }) => ["pull", docker, "-t", "third:1", "--root", root] },
  { title: "pull oci", argv: (root, { oci }) => ["pull", oci, "--root", root] },
  { title: "pull compressed", argv: (root, { compressed }) => ["pull", compressed, "--root", root] },
  { title: "import", argv: (root, { rootfs }) => ["import", rootfs, "flat:1", "--root", root] },
  { title: "create", argv: (root) => ["create", "--name", "two", "--workdir", "/deep/down", "--root", root, "app:1"] },
  { title: "commit", argv: (root) => ["commit", "box", "kept:1", "--root", root] },
  { title: "tag", argv: (root) => ["tag", "app:1", "more:1", "--root", root] },
  { title: "cp in", argv: (root, { tree }) => ["cp", tree, "box:/srv", "--root", root], leaves: "part" },
  {
    title: "cp over",
    argv: (root, { tree }) => ["cp", `${tree}/large`, "box:/etc/mine", "--root", root],
    leaves: "whole",
  },
  { title: "save docker-archive", argv: (root, _, out) => ["save", "app:1", "-o", `${out}/app.tar`, "--root", root] },
  {
    title: "save oci",
    argv: (root, _, out) => ["save", "app:1", "--format", "oci", "-o", `${out}/app`, "--root", root],
  },
  { title: "export", argv: (root, _, out) => ["export", "box", "-o", `${out}/box.tar`, "--root", root] },
  { title: "rootfs", argv: (root, _, out) => ["rootfs", "box", `${out}/box`, "--root", root] },
  { title: "rm", argv: (root) => ["rm", "box", "--root", root], leaves: "less" },
  { title: "rmi name", argv: (root) => ["rmi", "app:latest", "--root", root] },
  { title: "rmi", argv: (root) => ["rmi", "old:1", "--root", root], leaves: "less" },
  { title: "prune", argv: (root) => ["prune", "--root", root], leaves: "less" },
];
