/**
 * Changes to a container's layer against the kernel: random sequences of them, made below a real overlay mount and
 * made in the directories, leave the same topmost layer.
 *
 * OVL_RANDOM_CHANGES=5000 tries more, OVL_RANDOM_SEED=… others.
 */
import assert from "node:assert/strict";
import { constants, readSync, writeSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { UpperLayer } from "../../src/container/upper.js";
import { OvlError } from "../../src/errors.js";
import { type ByteString, byteStringOf } from "../../src/model/bytes.js";
import { Union } from "../../src/rootfs/union.js";
import { walk } from "../../src/rootfs/walk.js";
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  close,
  linkAt,
  makeDirectoryAt,
  makeNodeAt,
  makeSymlinkAt,
  O_PATH,
  openAt,
  renameAt,
  S_IFIFO,
  unlinkAt,
} from "../../src/sys/at.js";
import { changeModeAt } from "../../src/sys/attributes.js";
import { must } from "../../src/sys/errno.js";
import { MNT_DETACH, mount, unmount } from "../../src/sys/mount.js";
import { removeTree as removeTreeAt } from "../../src/sys/remove-tree.js";
import { makeStack, type RandomObject, randomStack } from "../rootfs/stacks.js";
import { oracle } from "../support/oracles.js";
import { removeTree, type Scratch, scratch } from "../support/tmp.js";

const SEQUENCES = Number(process.env["OVL_RANDOM_CHANGES"] ?? 600);
const SEED = Number(process.env["OVL_RANDOM_SEED"] ?? 20);

type Kind = (typeof KINDS)[number];
const KINDS = [
  ...(["append", "append", "create", "create", "mkdir", "mkdir", "mkfifo", "symlink", "chmod"] as const),
  ...(["unlink", "unlink", "rmdir", "rmtree", "rename", "rename", "rename", "link"] as const),
];

interface RandomChange {
  readonly kind: Kind;
  readonly path: ByteString;
  readonly to: ByteString;
}

/** Few and short, so that most changes meet something. */
const name = fc.constantFrom("a", "b", "c", "\u00ff\n");
const path = fc
  .oneof(
    { weight: 3, arbitrary: fc.tuple(name) },
    { weight: 3, arbitrary: fc.tuple(fc.constantFrom("a", "b"), name) },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom("a", "b"), name, name) },
  )
  .map((names) => names.join("/") as ByteString);
const change: fc.Arbitrary<RandomChange> = fc.record({ kind: fc.constantFrom(...KINDS), path, to: path });

/** What is made in a directory with setgid gets its group: no part of what is compared here. */
const plain = (object: RandomObject): RandomObject => ({ ...object, mode: object.mode & ~0o2000 });
const sequence = fc.record({
  lower: randomStack.map(({ layers }) => layers.slice(0, 4).map((objects) => objects.map(plain))),
  changes: fc.array(change, { minLength: 30, maxLength: 60, size: "max" }),
});
/** Something to begin with. */
const START: readonly RandomChange[] = ["a", "b", "a/b"].map((path) => {
  return { kind: "mkdir", path: path as ByteString, to: "c" as ByteString };
});
type Sequence = typeof sequence extends fc.Arbitrary<infer T> ? T : never;

test("random changes leave the layer that the kernel leaves", { skip: oracle("root") }, () => {
  using place = scratch("upper", 0);
  let made = 0;
  fc.assert(
    fc.property(sequence, (one) => {
      const { kernel, ovl, done } = leftBy(place, one);
      made += done;
      assert.deepEqual(ovl, kernel);
    }),
    { numRuns: SEQUENCES, seed: SEED },
  );
  assert.ok(made > SEQUENCES * 6, `only ${made} changes could be made`);
});

function leftBy(place: Scratch, { lower, changes }: Sequence): { kernel: string[]; ovl: string[]; done: number } {
  const point = byteStringOf(place.dir("one/merged"));
  const below = makeStack({ layers: lower, writable: false, userXattrs: false }, place.join("one/lower"));
  const [theirs, ours] = [place.dir("one/kernel"), place.dir("one/ovl")];
  const overlay = byteStringOf("overlay");
  const options = `index=off,lowerdir=${below.join(":")},upperdir=${theirs},workdir=${place.dir("one/work")}`;
  must(mount(overlay, point, overlay, 0, byteStringOf(options)), `mount with ${options}`);
  const root = must(openAt(AT_FDCWD, point, O_PATH), "open the mount");
  let done = 0;
  try {
    using union = new Union([ours, ...below]);
    using upper = new UpperLayer(union, true);
    for (const one of [...START, ...changes]) if (makeBoth(root, union, upper, one)) done++;
    close(root);
    return { kernel: layerOf(theirs), ovl: layerOf(ours), done };
  } finally {
    unmount(point, MNT_DETACH);
    removeTree(place.join("one"));
  }
}

/** Whether the kernel let it be made; then it is made in the directories, too. */
function makeBoth(root: number, union: Union, upper: UpperLayer, { kind, path, to }: RandomChange): boolean {
  // The kernel would follow symlinks on the way, which is not the question here.
  if (!isInDirectory(union, path) || !isInDirectory(union, to)) return false;
  const type = typeAt(union, path);
  switch (kind) {
    case "append": {
      if (type !== "file") return false;
      append(must(openAt(root, path, APPEND), "open"));
      upper.change(path, (dir, own) => append(must(openAt(dir, own, APPEND), "open")));
      return true;
    }
    case "create": {
      const fd = openAt(root, path, NEW, 0o644);
      if (fd < 0) return false;
      close(fd);
      close(upper.createFile(parent(path), base(path), 0o644));
      return true;
    }
    case "mkdir":
      if (makeDirectoryAt(root, path, 0o755) < 0) return false;
      upper.makeDirectory(parent(path), base(path), 0o755);
      return true;
    case "mkfifo":
      if (makeNodeAt(root, path, S_IFIFO | 0o600, 0) < 0) return false;
      upper.makeNode(parent(path), base(path), S_IFIFO | 0o600, 0);
      return true;
    case "symlink":
      if (makeSymlinkAt(to, root, path) < 0) return false;
      upper.makeSymlink(parent(path), base(path), to);
      return true;
    case "chmod":
      if (type === null || type === "symlink" || changeModeAt(root, path, 0o711) < 0) return false;
      upper.change(path, (dir, own) => must(changeModeAt(dir, own, 0o711), "chmod"));
      return true;
    case "unlink":
      return unlinkAt(root, path) >= 0 && remove(union, upper, path);
    case "rmdir":
      return unlinkAt(root, path, AT_REMOVEDIR) >= 0 && remove(union, upper, path);
    case "rmtree":
      return type !== null && removeTreeAt(root, path) === null && remove(union, upper, path);
    case "rename": {
      // The kernel marks the directory as opaque before it finds that the place is taken.
      if (type === "directory" && hasContent(union, to)) return false;
      const result = renameAt(root, path, root, to);
      if (result >= 0) upper.rename(path, to);
      else assert.throws(() => upper.rename(path, to), OvlError);
      return result >= 0;
    }
    case "link":
      if (type === "directory" || linkAt(root, path, root, to) < 0) return false;
      upper.link(path, parent(to), base(to));
      return true;
  }
}

const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW;
const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

function append(fd: number): void {
  writeSync(fd, "more");
  close(fd);
}

function remove(union: Union, upper: UpperLayer, path: ByteString): true {
  using found = union.locate(path, "none");
  assert.ok(found.entry !== null);
  upper.remove(found.directory, found.entry);
  return true;
}

function typeAt(union: Union, path: ByteString): string | null {
  using found = union.locate(path, "none");
  return found.entry?.type ?? null;
}

function hasContent(union: Union, path: ByteString): boolean {
  using found = union.locate(path, "none");
  if (found.entry?.type !== "directory") return false;
  using inner = found.directory.enter(found.entry);
  return inner.entries().next().done !== true;
}

function isInDirectory(union: Union, path: ByteString): boolean {
  return parent(path) === "" || typeAt(union, parent(path)) === "directory";
}

function parent(path: ByteString): ByteString {
  return path.slice(0, Math.max(0, path.lastIndexOf("/"))) as ByteString;
}

function base(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf("/") + 1) as ByteString;
}

/** A layer as it is: a line an object. */
function layerOf(dir: string): string[] {
  using layer = new Union([dir], { showsWhiteouts: true });
  const first = new Map<string, string>();
  return [...walk(layer.root)].map(({ path }) => {
    using found = layer.locate(path, "none");
    const { entry, directory } = found;
    assert.ok(entry !== null);
    const { type, stat } = entry;
    if (type === "whiteout") return `whiteout ${path}`;
    const same = type === "directory" ? path : (first.get(stat.identity) ?? path);
    first.set(stat.identity, same);
    const xattrs = [...directory.xattrs(entry)].map(([name, value]) => `${name}=${Buffer.from(value)}`).sort();
    const opaque = type === "directory" && directory.marks(entry).opaque ? "opaque" : "";
    const what =
      type === "symlink" ? directory.readLink(entry) : type === "file" ? contentOf(directory.open(entry)) : "";
    const device = `${stat.rdevMajor}:${stat.rdevMinor}`;
    return [type, path, stat.mode.toString(8), stat.uid, stat.gid, device, same, opaque, what, ...xattrs].join(" ");
  });
}

function contentOf(content: Disposable & { readonly fd: number }): string {
  using file = content;
  const bytes = Buffer.alloc(10_000);
  return bytes.toString("latin1", 0, readSync(file.fd, bytes));
}
