import assert from "node:assert/strict";
import { mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { byteStringOf } from "../../src/model/bytes.js";
import { directory, MemberTree } from "../../src/source/member-tree.js";
import { scratch } from "../support/tmp.js";

const name = fc.constantFrom("a", "b", "c", "d");
const place = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const target = fc
  .tuple(fc.boolean(), fc.array(fc.constantFrom("a", "b", "c", "..", "."), { minLength: 1, maxLength: 4 }))
  .map(([absolute, parts]) => (absolute ? "/" : "") + parts.join("/"));
const members = fc.array(fc.tuple(place, fc.option(target)), { maxLength: 12 });

/** The same members below a directory on disk; false where the kernel refuses to make one. */
function make(root: string, path: string, link: string | null): boolean {
  const at = join(root, path);
  try {
    mkdirSync(dirname(at), { recursive: true });
    if (!realpathSync(dirname(at)).startsWith(root)) return false;
    if (link === null) writeFileSync(at, path, { flag: "wx" });
    else symlinkSync(link, at);
    return true;
  } catch {
    return false;
  }
}

describe("MemberTree", () => {
  it("finds what the kernel finds, where no link leaves the tree", () => {
    using dir = scratch("members");
    const base = realpathSync(dir.path);
    let run = 0;
    fc.assert(
      fc.property(members, fc.array(place, { minLength: 1, maxLength: 5 }), (entries, wanted) => {
        const root = join(base, String(run++));
        mkdirSync(root);
        const tree = new MemberTree("test");
        const paths: string[] = [];
        for (const [path, link] of entries) {
          // On disk an absolute link would mean the machine's root, and a climbing one could leave the directory.
          if (link !== null && (link.startsWith("/") || link.includes(".."))) continue;
          if (!make(root, path, link)) continue;
          const member =
            link === null
              ? { kind: "file", offset: paths.push(path), size: 0 }
              : { kind: "symlink", target: byteStringOf(link) };
          tree.place(byteStringOf(path), member as Parameters<MemberTree["place"]>[1]);
        }
        for (const path of wanted) {
          const found = find(tree, path);
          const expected = read(join(root, path));
          assert.equal(found?.kind === "file" ? paths[found.offset - 1] : null, expected, path);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("never throws anything but its two codes, and never leaves itself, whatever links it holds", () => {
    fc.assert(
      fc.property(members, target, (entries, path) => {
        const tree = new MemberTree("test");
        for (const [at, link] of entries) {
          const member =
            link === null ? { kind: "file", offset: 0, size: 0 } : { kind: "symlink", target: byteStringOf(link) };
          ignoring(["BAD_ARCHIVE"], () => tree.place(byteStringOf(at), member as Parameters<MemberTree["place"]>[1]));
          ignoring(["BAD_ARCHIVE"], () => tree.link(byteStringOf(`${at}x`), byteStringOf(at)));
        }
        ignoring(["BAD_ARCHIVE", "PATH_ESCAPE"], () => tree.find(path));
      }),
    );
  });

  it("keeps links that climb or are absolute inside", () => {
    const tree = new MemberTree("test");
    const wanted = { kind: "file", offset: 7, size: 7 } as const;
    tree.place(byteStringOf("etc/passwd"), wanted);
    for (const link of ["/etc/passwd", "../../../etc/passwd", "../etc/./passwd", "/../etc//passwd"]) {
      tree.place(byteStringOf("d/link"), { kind: "symlink", target: byteStringOf(link) });
      assert.equal(tree.find("d/link"), wanted, link);
    }
  });

  it("refuses a path whose text leaves the archive", () => {
    const tree = new MemberTree("test");
    tree.place(byteStringOf("a"), directory());
    for (const path of ["..", "../a", "a/../../a", "/../a"]) {
      assert.throws(() => tree.find(path), { code: "PATH_ESCAPE" }, path);
    }
  });

  it("finds no file where a link wants a directory", () => {
    const tree = new MemberTree("test");
    tree.place(byteStringOf("file"), { kind: "file", offset: 0, size: 1 });
    tree.place(byteStringOf("dir"), directory());
    for (const end of ["/", "/."]) {
      tree.place(byteStringOf("to-file"), { kind: "symlink", target: byteStringOf(`file${end}`) });
      tree.place(byteStringOf("to-dir"), { kind: "symlink", target: byteStringOf(`dir${end}`) });
      assert.equal(tree.find("to-file"), null);
      assert.equal(tree.find("to-dir")?.kind, "directory");
    }
  });

  it("gives up on links that never end", () => {
    const tree = new MemberTree("test");
    tree.place(byteStringOf("a"), { kind: "symlink", target: byteStringOf("b/x") });
    tree.place(byteStringOf("b"), { kind: "symlink", target: byteStringOf("a/x") });
    assert.throws(() => tree.find("a"), { code: "BAD_ARCHIVE", message: /too many symbolic links/ });
    assert.throws(() => tree.place(byteStringOf("a/c"), directory()), { message: /too many symbolic links/ });
  });

  it("finds names that are not ASCII, and cannot be fooled by names of objects", () => {
    const tree = new MemberTree("test");
    tree.place(byteStringOf("é/__proto__"), { kind: "file", offset: 0, size: 1 });
    assert.equal(tree.find("é/__proto__")?.kind, "file");
    assert.equal(tree.find("__proto__"), null);
    assert.equal(tree.find("constructor"), null);
  });
});

function find(tree: MemberTree, path: string): ReturnType<MemberTree["find"]> {
  try {
    return tree.find(path);
  } catch {
    return null;
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function ignoring(codes: readonly string[], action: () => unknown): void {
  try {
    action();
  } catch (error) {
    assert.ok(codes.includes((error as { code: string }).code), String(error));
  }
}
