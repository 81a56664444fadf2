/** What is on disk below a directory, as facts that two trees can be compared by. Names are Latin-1, a char a byte. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { type BigIntStats, constants, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface TreeNode {
  readonly type: "file" | "dir" | "symlink" | "char" | "block" | "fifo" | "socket";
  /** Permission bits with setuid, setgid, sticky, in octal: `0755`. */
  readonly mode: string;
  readonly owner: string;
  /** `major:minor` of devices. */
  readonly rdev: string | null;
  /** Bytes; null for directories, where it is the filesystem's affair. */
  readonly size: bigint | null;
  readonly mtimeNs: bigint;
  /** Name and hex value; sorted. */
  readonly xattrs: ReadonlyMap<string, string>;
  /** sha256 of a file's content, target of a symlink. */
  readonly content: string | null;
  /** All paths of this inode, sorted; null for a single name and for directories. */
  readonly hardLinks: readonly string[] | null;
}

/** Path relative to the tree's root (`.` for the root itself) to what is there. */
export type Tree = ReadonlyMap<string, TreeNode>;

export function readTree(root: string): Tree {
  const stats = new Map<string, BigIntStats>();
  walk(root, ".", stats);
  const inodes = new Map<string, string[]>();
  for (const [path, stat] of stats) {
    if (stat.isDirectory() || stat.nlink < 2n) continue;
    const key = `${stat.dev}:${stat.ino}`;
    inodes.set(key, [...(inodes.get(key) ?? []), path]);
  }
  const xattrs = readXattrs(root);
  const tree = new Map<string, TreeNode>();
  for (const [path, stat] of stats) {
    const links = inodes.get(`${stat.dev}:${stat.ino}`);
    tree.set(path, {
      type: typeOf(stat),
      mode: (Number(stat.mode) & 0o7777).toString(8).padStart(4, "0"),
      owner: `${stat.uid}:${stat.gid}`,
      rdev: stat.isCharacterDevice() || stat.isBlockDevice() ? deviceNumber(stat.rdev) : null,
      size: stat.isDirectory() ? null : stat.size,
      mtimeNs: stat.mtimeNs,
      xattrs: xattrs.get(path) ?? new Map(),
      content: contentOf(onDisk(root, path), stat),
      hardLinks: links?.sort() ?? null,
    });
  }
  return tree;
}

/** For each entry of a directory: it and what lies below it, as a tree of its own. */
export function childTrees(tree: Tree, dir: string): Map<string, Tree> {
  const found = new Map<string, Map<string, TreeNode>>();
  const inside = `${dir}/`;
  for (const [path, node] of tree) {
    if (!path.startsWith(inside)) continue;
    const slash = path.indexOf("/", inside.length);
    const name = path.slice(inside.length, slash < 0 ? undefined : slash);
    const top = `${inside}${name}/`;
    const child = found.get(name) ?? new Map<string, TreeNode>();
    child.set(slash < 0 ? "." : path.slice(top.length), {
      ...node,
      hardLinks: node.hardLinks?.map((name) => (name.startsWith(top) ? name.slice(top.length) : name)) ?? null,
    });
    found.set(name, child);
  }
  return found;
}

/** The path to give to `fs`: bytes, since names need not be UTF-8. */
export function onDisk(root: string, path: string): Buffer {
  const base = Buffer.from(root);
  return path === "." ? base : Buffer.concat([base, Buffer.from("/"), Buffer.from(path, "latin1")]);
}

function walk(root: string, path: string, found: Map<string, BigIntStats>): void {
  const stat = lstatSync(onDisk(root, path), { bigint: true });
  found.set(path, stat);
  if (!stat.isDirectory()) return;
  const names = readdirSync(onDisk(root, path), { encoding: "buffer" }).map((name) => name.toString("latin1"));
  for (const name of names.sort()) walk(root, path === "." ? name : `${path}/${name}`, found);
}

function typeOf(stat: BigIntStats): TreeNode["type"] {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "dir";
  if (stat.isSymbolicLink()) return "symlink";
  if (stat.isCharacterDevice()) return "char";
  if (stat.isBlockDevice()) return "block";
  return (Number(stat.mode) & constants.S_IFMT) === constants.S_IFIFO ? "fifo" : "socket";
}

/** As the C library splits a dev_t: 12 low and 20 high bits of each, interleaved. */
function deviceNumber(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

function contentOf(path: Buffer, stat: BigIntStats): string | null {
  if (stat.isSymbolicLink()) return readlinkSync(path, { encoding: "buffer" }).toString("latin1");
  if (!stat.isFile()) return null;
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** By getfattr(1), one process for the whole tree, so that no code of ours judges xattrs. */
function readXattrs(root: string): Map<string, Map<string, string>> {
  const { status, stdout, stderr } = spawnSync("getfattr", ["-R", "-P", "-h", "-d", "-m", "-", "-e", "hex", "."], {
    cwd: root,
    maxBuffer: 2 ** 30,
    env: { ...process.env, LC_ALL: "C" },
  });
  if (status !== 0) throw new Error(`getfattr ${root}: ${stderr}`);
  const found = new Map<string, Map<string, string>>();
  for (const paragraph of stdout.toString("latin1").split("\n\n")) {
    const [head = "", ...lines] = paragraph.split("\n").filter((line) => line !== "");
    if (!head.startsWith("# file: ")) continue;
    const pairs = lines.map((line): [string, string] => {
      const equals = line.indexOf("=");
      return equals < 0 ? [unquote(line), ""] : [unquote(line.slice(0, equals)), line.slice(equals + 1)];
    });
    const path = unquote(head.slice("# file: ".length)).replace(/^\.\//, "");
    found.set(path, new Map(pairs.sort(([a], [b]) => (a < b ? -1 : 1))));
  }
  return found;
}

/** getfattr writes bytes that are not printable as `\ooo`. */
function unquote(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
