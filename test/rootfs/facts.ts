/** A tree as facts in words, a line an object: one reading by node:fs and getfattr(1), one by the union. */
import { spawnSync } from "node:child_process";
import { type BigIntStats, constants, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { ByteString } from "../../src/model/bytes.js";
import type { UnionDirectory } from "../../src/rootfs/directory.js";
import type { Entry } from "../../src/rootfs/entry.js";
import type { Union } from "../../src/rootfs/union.js";
import { walk } from "../../src/rootfs/walk.js";

/** By path, Latin-1, empty for the root; in the order that they were met in. */
export type Facts = Map<string, string>;

type Xattrs = ReadonlyMap<string, readonly string[]>;

/** What lies below mount points, each read on its own; names that are listed and are not there are passed over. */
export function factsOfMounts(parent: string, names: readonly string[]): Map<string, Facts> {
  const xattrs = xattrsBelow(parent);
  return new Map(
    names.map((name) => {
      const found: [path: string, stat: BigIntStats, text: string][] = [];
      visit(Buffer.from(`${parent}/${name}`), "", (path, stat, text) => found.push([path, stat, text]));
      const links = new Map<string, string>();
      const facts: Facts = new Map();
      for (const [path, stat, text] of found) {
        const key = `${stat.dev}:${stat.ino}`;
        const first = stat.isDirectory() ? path : (links.get(key) ?? path);
        if (!stat.isDirectory()) links.set(key, first);
        const full = `${name}${path === "" ? "" : "/"}${path}`;
        facts.set(
          path,
          line({
            mode: Number(stat.mode),
            owner: `${stat.uid}:${stat.gid}`,
            size: stat.isDirectory() ? null : Number(stat.size),
            mtime: stat.mtimeNs,
            rdev: stat.isCharacterDevice() || stat.isBlockDevice() ? deviceText(stat.rdev) : "",
            text,
            first,
            xattrs: xattrs.get(full) ?? [],
          }),
        );
      }
      return [name, facts];
    }),
  );
}

export function factsOfUnion(union: Union): Facts {
  const links = new Map<string, string>();
  const facts: Facts = new Map();
  const note = (path: string, entry: Entry, directory: UnionDirectory) => {
    const { stat, type } = entry;
    const first = type === "directory" ? path : (links.get(stat.identity) ?? path);
    if (type !== "directory") links.set(stat.identity, first);
    const xattrs = [...directory.xattrs(entry)].map(([name, value]) => `${name}=${Buffer.from(value).toString("hex")}`);
    facts.set(
      path,
      line({
        mode: stat.mode,
        owner: `${stat.uid}:${stat.gid}`,
        size: type === "directory" ? null : stat.size,
        mtime: BigInt(stat.mtime.sec) * 1_000_000_000n + BigInt(stat.mtime.nsec),
        rdev: type === "char" || type === "block" ? `${stat.rdevMajor}:${stat.rdevMinor}` : "",
        text: type === "file" ? contentOf(directory, entry) : type === "symlink" ? directory.readLink(entry) : "",
        first,
        xattrs: xattrs.sort(),
      }),
    );
  };
  note("", union.rootEntry, union.root);
  for (const { path, entry, directory } of walk(union.root)) note(path, entry, directory);
  return facts;
}

export function contentOf(directory: UnionDirectory, entry: Entry): string {
  using content = directory.open(entry);
  const chunks: Buffer[] = [];
  for (let bytes = content.read(); bytes !== null; bytes = content.read()) chunks.push(Buffer.from(bytes));
  return Buffer.concat(chunks).toString("latin1");
}

/** Differences in words; empty where there are none, the order of the paths included. */
export function compareFacts(expected: Facts, found: Facts): string[] {
  const differences: string[] = [];
  for (const path of new Set([...expected.keys(), ...found.keys()])) {
    const [want, have] = [expected.get(path) ?? "nothing", found.get(path) ?? "nothing"];
    if (want !== have) differences.push(`${JSON.stringify(path)}: the kernel shows ${want}, the union ${have}`);
  }
  if (differences.length === 0 && [...expected.keys()].join("\0") !== [...found.keys()].join("\0")) {
    differences.push(`order: ${JSON.stringify([...found.keys()])}`);
  }
  return differences;
}

interface Fact {
  readonly mode: number;
  readonly owner: string;
  readonly size: number | null;
  readonly mtime: bigint;
  readonly rdev: string;
  readonly text: string;
  /** The first path of the same object. */
  readonly first: string;
  readonly xattrs: readonly string[];
}

function line({ mode, owner, size, mtime, rdev, text, first, xattrs }: Fact): string {
  return JSON.stringify([mode.toString(8), owner, size, String(mtime), rdev, text, first, xattrs]);
}

function visit(full: Buffer, path: string, note: (path: string, stat: BigIntStats, text: string) => void): void {
  let stat: BigIntStats;
  try {
    stat = lstatSync(full, { bigint: true });
  } catch (error) {
    // The kernel lists whiteouts of directories that are in one layer only, and then knows nothing of this name.
    if ((error as NodeJS.ErrnoException).code === "ENOENT" && path !== "") return;
    throw error;
  }
  const text = stat.isSymbolicLink()
    ? readlinkSync(full, { encoding: "latin1" })
    : (Number(stat.mode) & constants.S_IFMT) === constants.S_IFREG
      ? readFileSync(full, "latin1")
      : "";
  note(path, stat, text);
  if (!stat.isDirectory()) return;
  for (const name of (readdirSync(full, { encoding: "latin1" }) as ByteString[]).sort()) {
    visit(Buffer.concat([full, Buffer.from(`/${name}`, "latin1")]), path === "" ? name : `${path}/${name}`, note);
  }
}

/** By getfattr(1), one process for many trees, so that no code of ours judges. */
function xattrsBelow(parent: string): Xattrs {
  const { stdout } = spawnSync("getfattr", ["-R", "-P", "-h", "-d", "-m", "-", "-e", "hex", "."], {
    cwd: parent,
    maxBuffer: 2 ** 30,
    env: { ...process.env, LC_ALL: "C" },
  });
  const found = new Map<string, string[]>();
  for (const paragraph of stdout.toString("latin1").split("\n\n")) {
    const [head = "", ...lines] = paragraph.split("\n").filter((text) => text !== "");
    if (!head.startsWith("# file: ")) continue;
    const path = unquote(head.slice("# file: ".length)).replace(/^\.\//, "");
    found.set(
      path,
      lines.map((text) => (text.includes("=0x") ? unquote(text).replace("=0x", "=") : `${text}=`)).sort(),
    );
  }
  return found;
}

function unquote(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** As the C library splits a dev_t: 12 low and 20 high bits of each, interleaved. */
function deviceText(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}
