/**
 * Random stacks of layers: few names, so that layers meet, and every kind of object that can lie in one. A layer is a
 * list of objects made one after the other; what cannot be made any more, because something is in its place, is not.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { type ByteString, byteStringOf } from "../../src/model/bytes.js";
import {
  AT_FDCWD,
  deviceNumber,
  linkAt,
  makeDirectoryAt,
  makeNodeAt,
  makeSymlinkAt,
  O_PATH,
  openAt,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../src/sys/at.js";
import { changeModeAt, changeOwnerAt, changeTimesAt } from "../../src/sys/attributes.js";
import { must } from "../../src/sys/errno.js";
import { statAt } from "../../src/sys/stat.js";
import { setXattrAt } from "../../src/sys/xattr.js";

export interface RandomObject {
  readonly kind: "dir" | "opaque" | "whiteout" | "file" | "hardlink" | "symlink" | "fifo" | "socket" | "char" | "block";
  readonly path: readonly string[];
  /** Of a file its content, of a symlink its target, of a hard link the name that is linked. */
  readonly text: string;
  readonly mode: number;
  readonly owner: number;
  readonly time: number;
  readonly xattr: readonly [name: string, value: string] | null;
}

export interface RandomStack {
  /** Topmost first. */
  readonly layers: readonly (readonly RandomObject[])[];
  /** Mounted with the top layer as upper directory, else all of them as lower ones. */
  readonly writable: boolean;
  /** Marks are `user.overlay.*`, as without root's rights. */
  readonly userXattrs: boolean;
}

/** Attributes are set by a name in an open directory. */
const SLASH = openAt(AT_FDCWD, byteStringOf("/"), O_PATH);

const name = fc.constantFrom("a", "b", "c", "d", "\u00ff\n", "a.b");
/** The empty one is the layer's own directory. */
const path = fc.array(name, { maxLength: 4 });
const kind = fc.constantFrom(
  ...(["dir", "dir", "dir", "dir", "opaque", "opaque", "whiteout", "whiteout", "file", "file", "file"] as const),
  ...(["hardlink", "symlink", "symlink", "fifo", "socket", "char", "block"] as const),
);
const target = fc.constantFrom(
  "a",
  "/a",
  "b/a",
  "../b",
  "/c/../a",
  "../../../d",
  "/",
  "a.b/",
  "/b/c/d",
  "missing/../a",
);

const object: fc.Arbitrary<RandomObject> = fc.record({
  kind,
  path,
  text: target,
  mode: fc.constantFrom(0o644, 0o755, 0o4755, 0o2775, 0o1777, 0, 0o700),
  owner: fc.constantFrom(0, 0, 5, 65534, 4294967294),
  time: fc.constantFrom(0, 7, 1_600_000_000, -5),
  xattr: fc.constantFrom<readonly [string, string] | null>(
    ...[null, null, null, null],
    ...([
      ["user.k", "v"],
      ["trusted.k", "\u0000\u00ff"],
      ["user.empty", ""],
      // Not a mark: of no directory, of another value, or of the other kind.
      ["trusted.overlay.opaque", "n"],
      ["trusted.overlay.origin", "x"],
      ["user.overlay.opaque", "y"],
      ["user.overlay.other", "y"],
    ] as const),
  ),
});

export const randomStack: fc.Arbitrary<RandomStack> = fc.record({
  layers: fc.array(fc.array(object, { maxLength: 12 }), { minLength: 2, maxLength: 8 }),
  writable: fc.boolean(),
  userXattrs: fc.constantFrom(false, false, false, true),
});

/** Makes the layers below a directory; their paths, topmost first. */
export function makeStack(stack: RandomStack, below: string): string[] {
  return stack.layers.map((objects, i) => {
    const dir = join(below, String(i));
    mkdirSync(dir, { recursive: true });
    for (const one of objects) make(dir, one, stack.userXattrs);
    return dir;
  });
}

function make(dir: string, object: RandomObject, userXattrs: boolean): void {
  if (object.path.length === 0 && object.kind !== "dir" && object.kind !== "opaque") return;
  const parents = object.path.slice(0, -1);
  for (let i = 1; i <= parents.length; i++) {
    const above = at(dir, parents.slice(0, i));
    const type = typeAt(above);
    if (type === null) must(makeDirectoryAt(AT_FDCWD, above, 0o755), "mkdir");
    else if (type !== S_IFDIR) return;
  }
  const here = at(dir, object.path);
  const type = typeAt(here);
  if (type !== null && !(type === S_IFDIR && (object.kind === "dir" || object.kind === "opaque"))) return;
  if (!create(dir, here, object, type !== null)) return;
  if (object.kind === "opaque") {
    const mark = byteStringOf(`${userXattrs ? "user" : "trusted"}.overlay.opaque`);
    must(setXattrAt(SLASH, here, mark, Buffer.from("y")), "opaque");
  }
  attributes(here, object, userXattrs);
}

/** False where it cannot be made. */
function create(dir: string, here: ByteString, { kind, text, mode }: RandomObject, exists: boolean): boolean {
  switch (kind) {
    case "dir":
    case "opaque":
      if (!exists) must(makeDirectoryAt(AT_FDCWD, here, 0o755), "mkdir");
      return true;
    case "whiteout":
      must(makeNodeAt(AT_FDCWD, here, S_IFCHR | (mode & 0o777), 0), "mknod");
      return true;
    case "file":
      writeFileSync(Buffer.from(here, "latin1"), text);
      return true;
    case "hardlink": {
      const from = at(dir, text.split("/"));
      const type = typeAt(from);
      return type !== null && type !== S_IFDIR && linkAt(AT_FDCWD, from, AT_FDCWD, here) >= 0;
    }
    case "symlink":
      must(makeSymlinkAt(byteStringOf(text), AT_FDCWD, here), "symlink");
      return true;
    case "fifo":
      must(makeNodeAt(AT_FDCWD, here, S_IFIFO | 0o600, 0), "mknod");
      return true;
    case "socket":
      must(makeNodeAt(AT_FDCWD, here, 0o140600, 0), "mknod");
      return true;
    case "char":
      must(makeNodeAt(AT_FDCWD, here, S_IFCHR | 0o600, deviceNumber(1, 3)), "mknod");
      return true;
    case "block":
      must(makeNodeAt(AT_FDCWD, here, S_IFBLK | 0o600, deviceNumber(259, 70000)), "mknod");
      return true;
  }
}

function attributes(here: ByteString, { kind, mode, owner, time, xattr }: RandomObject, userXattrs: boolean): void {
  must(changeOwnerAt(AT_FDCWD, here, owner, owner), "chown");
  const type = typeAt(here);
  if (type !== S_IFLNK) must(changeModeAt(AT_FDCWD, here, mode), "chmod");
  if (xattr !== null && kind !== "opaque") {
    const [attribute, value] = xattr;
    // Only files and directories take user attributes.
    const possible = attribute.startsWith("trusted.") || type === S_IFREG || type === S_IFDIR;
    const mark = attribute === "user.overlay.opaque" && userXattrs;
    // With `userxattr` the kernel takes trusted.overlay.* for ordinary attributes, which no user could have made.
    const foreign = attribute.startsWith("trusted.overlay.") && userXattrs;
    if (possible && !mark && !foreign) {
      must(setXattrAt(SLASH, here, byteStringOf(attribute), Buffer.from(value, "latin1")), "setxattr");
    }
  }
  must(changeTimesAt(AT_FDCWD, here, { sec: 0, nsec: 0 }, { sec: time, nsec: 123_456_789 }), "utimens");
}

function typeAt(path: ByteString): number | null {
  const stat = statAt(AT_FDCWD, path);
  return typeof stat === "number" ? null : stat.mode & S_IFMT;
}

function at(dir: string, path: readonly string[]): ByteString {
  return `${byteStringOf(dir)}/${path.join("/")}` as ByteString;
}
