import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { OvlError } from "../../src/errors.js";
import { byteStringOf } from "../../src/model/bytes.js";
import type { CacheId } from "../../src/model/digest.js";
import type { UnionLayer } from "../../src/rootfs/layers.js";
import { Union } from "../../src/rootfs/union.js";
import { type Which, which } from "../../src/rootfs/which.js";
import { AT_FDCWD, close, makeNodeAt, O_PATH, openAt, S_IFCHR } from "../../src/sys/at.js";
import { must } from "../../src/sys/errno.js";
import { setXattrAt } from "../../src/sys/xattr.js";
import { oracle } from "../support/oracles.js";
import { removeTree, type Scratch, scratch } from "../support/tmp.js";
import { makeStack, randomStack } from "./stacks.js";

const skip = oracle("root");

/** Layers as `ovl` numbers them: the topmost directory comes first and has the highest index. */
function ask(dirs: readonly string[], path: string, userXattrs = false): Which {
  const layers = dirs.map((dir, i): UnionLayer => {
    return { index: dirs.length - 1 - i, kind: "image", chainId: null, cacheId: `c${i}` as CacheId, dir };
  });
  using union = new Union(dirs, { userXattrs });
  return which(union, layers, ({ dir }) => new Union([dir], { userXattrs, showsWhiteouts: true }), path);
}

function states(dirs: readonly string[], path: string): string[] {
  return ask(dirs, path).layers.map(({ state }) => state);
}

/** Topmost first, `name/` a directory, `name=` a file, `-name` a whiteout, `!name/` an opaque directory. */
function stack(place: Scratch, ...layers: readonly (readonly string[])[]): string[] {
  const slash = must(openAt(AT_FDCWD, byteStringOf("/"), O_PATH), "open /");
  const dirs = layers.map((names, i) => {
    const dir = place.dir(String(i));
    for (const name of names) {
      const path = `${dir}/${name.replace(/^[!-]|[/=]$/g, "")}`;
      mkdirSync(name.endsWith("/") ? path : dirname(path), { recursive: true });
      if (name.endsWith("=")) writeFileSync(path, name);
      if (name.startsWith("-")) must(makeNodeAt(AT_FDCWD, byteStringOf(path), S_IFCHR, 0), "mknod");
      if (!name.startsWith("!")) continue;
      must(setXattrAt(slash, byteStringOf(path), byteStringOf("trusted.overlay.opaque"), Buffer.from("y")), "setxattr");
    }
    return dir;
  });
  close(slash);
  return dirs;
}

test("the topmost file serves, those below are hidden", () => {
  using place = scratch("which", 0);
  const dirs = stack(place, [], ["d/f="], ["d/"], ["d/f="]);
  assert.deepEqual(states(dirs, "/d/f"), ["absent", "serves", "absent", "hidden"]);
  const { servedBy, exists, path } = ask(dirs, "d//./f");
  assert.deepEqual([path, exists, servedBy?.index, servedBy?.type, servedBy?.size], ["/d/f", true, 2, "file", 4]);
});

test("a directory is served by every layer that it is merged from", { skip }, () => {
  using place = scratch("which", 0);
  assert.deepEqual(states(stack(place, ["d/"], ["!d/"], ["d/"]), "/d"), ["serves", "serves", "hidden"]);
  assert.deepEqual(states(stack(place, ["e/"], ["e="], ["e/"]), "/e"), ["serves", "hidden", "hidden"]);
  assert.deepEqual(states(stack(place, [], []), "/"), ["serves", "serves"]);
});

test("what deleted a path is named: a whiteout, an opaque directory, something in a directory's place", {
  skip,
}, () => {
  using place = scratch("which", 0);
  const below = ["d/e/f="];
  for (const [layer, state, type] of [
    [["-d/e/f"], "whiteout", "whiteout"],
    [["-d"], "whiteout", "whiteout"],
    [["!d/e/"], "opaque", "directory"],
    [["!d/", "d/e/"], "opaque", "directory"],
    [["d/e="], "opaque", "file"],
  ] as const) {
    using inner = scratch("which", 0);
    const { exists, servedBy, layers } = ask(stack(inner, [], layer, below), "/d/e/f");
    assert.deepEqual([exists, servedBy], [false, null]);
    assert.deepEqual(
      layers.map((one) => one.state),
      ["absent", state, "hidden"],
    );
    assert.equal(layers[1]?.type, type);
  }
  assert.deepEqual(states(stack(place, ["d/e/f="], ["-d"], below), "/d/e/f"), ["serves", "whiteout", "hidden"]);
});

test("what no layer ever had is no path", () => {
  using place = scratch("which", 0);
  const dirs = stack(place, ["d/"], []);
  assert.throws(
    () => ask(dirs, "/d/x"),
    (error) => error instanceof OvlError && error.code === "NOT_FOUND",
  );
});

test("what never was below a file or in an opaque directory was not deleted by them", { skip }, () => {
  const never = (error: unknown) => error instanceof OvlError && error.code === "NOT_FOUND";
  for (const layers of [[["f="]], [["f="], ["f/"]], [["!f/"], ["f/y="]], [["f="], ["f="]]]) {
    using place = scratch("which", 0);
    assert.throws(() => ask(stack(place, ...layers), "/f/x"), never);
  }
  using place = scratch("which", 0);
  assert.deepEqual(states(stack(place, ["f/x="], ["f="]), "/f/x"), ["serves", "absent"]);
  using whiteouts = scratch("which", 0);
  assert.deepEqual(states(stack(whiteouts, ["f="], ["-f/x"]), "/f/x"), ["absent", "whiteout"]);
});

test("agrees with the union about random layers", { skip }, () => {
  using place = scratch("which", 0);
  const name = fc.constantFrom("a", "b", "c", "d", "a.b");
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/"));
  fc.assert(
    fc.property(randomStack, fc.array(path, { minLength: 20, maxLength: 20 }), (stack, paths) => {
      const dirs = makeStack(stack, place.join("stack"));
      try {
        using union = new Union(dirs, { userXattrs: stack.userXattrs });
        for (const path of paths) agree(union, dirs, path, stack.userXattrs);
      } finally {
        removeTree(place.join("stack"));
      }
    }),
    { numRuns: 150, seed: 20 },
  );
});

function agree(union: Union, dirs: readonly string[], path: string, userXattrs: boolean): void {
  let answer: Which | null;
  try {
    using found = union.locate(byteStringOf(path), "parents");
    answer = answerOrNothing(dirs, path, userXattrs);
    assert.equal(answer?.exists ?? false, found.entry !== null, path);
    if (found.entry !== null) assert.equal(answer?.servedBy?.cacheId, `c${found.entry.layer}`, path);
    else if (answer !== null)
      assert.ok(
        answer.layers.some(({ state }) => state === "whiteout" || state === "opaque"),
        path,
      );
    if (found.entry?.type !== "directory") return;
    using inner = found.directory.enter(found.entry);
    const serving = answer?.layers.flatMap(({ state }, i) => (state === "serves" ? [i] : []));
    assert.deepEqual(serving, inner.layers, path);
  } catch (thrown) {
    // Symlinks in a circle.
    if (!(thrown instanceof OvlError)) throw thrown;
  }
}

function answerOrNothing(dirs: readonly string[], path: string, userXattrs: boolean): Which | null {
  try {
    return ask(dirs, path, userXattrs);
  } catch (thrown) {
    if (thrown instanceof OvlError && /no layer has ever/.test(thrown.message)) return null;
    throw thrown;
  }
}
