/** Attempts to reach out of a layer. Outside lies a directory whose every object must be as it was. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { ApplySummary } from "../../src/layer/apply.js";
import { applyTo, char, dir, fifo, file, hardlink, type Item, symlink } from "../support/layer-entries.js";
import { oracle } from "../support/oracles.js";
import { scratch } from "../support/tmp.js";
import { readTree } from "../support/tree.js";

/**
 * `contained`: applied inside the layer with a warning, refused under strict. `harmless`: nothing
 * of it is outside when the layer's root is \`/\`. `refused`: BAD_TAR, as dockerd finds nothing there; under strict
 * it may be PATH_ESCAPE.
 */
type End = "contained" | "harmless" | "refused";

interface Attempt {
  /** @param out the absolute path outside, @param up `../` as often as it takes to get from the layer to `/` */
  readonly items: (out: string, up: string) => readonly Item[];
  readonly end: End;
}

const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  "a name with ..": { items: (out, up) => [file(`${up}${out}/victim`, "new")], end: "contained" },
  "a name with .. in the middle": { items: () => [file("a/../../outside/victim", "new")], end: "contained" },
  "an absolute name": { items: (out) => [file(`${out}/victim`, "new")], end: "harmless" },
  "a directory entry of the parent": { items: () => [dir("../", { mode: 0o777, uid: 9 })], end: "contained" },
  "a whiteout with ..": { items: () => [file("../outside/.wh.victim")], end: "contained" },
  "an opaque mark with ..": { items: () => [file("../outside/.wh..wh..opq")], end: "contained" },
  "a file through an absolute symlink": {
    items: (out) => [symlink("s", out), file("s/victim", "new")],
    end: "refused",
  },
  "a file through an absolute symlink whose path the layer has too": {
    items: (out) => [dir(`.${out}`), symlink("s", out), file("s/victim", "new")],
    end: "contained",
  },
  "a file through a symlink with ..": {
    items: (out, up) => [dir(`.${out}`), symlink("s", `${up}${out.slice(1)}`), file("s/victim", "new")],
    end: "contained",
  },
  "a file through symlinks in two steps": {
    items: () => [dir("d/"), symlink("d/up", "../.."), symlink("s", "d/up/outside"), dir("outside"), file("s/victim")],
    end: "contained",
  },
  "a directory made through a symlink": {
    items: (out) => [dir(`.${out}`), symlink("s", out), dir("s/made/"), file("s/implied/x")],
    end: "contained",
  },
  "a whiteout through a symlink": {
    items: (out) => [dir(`.${out}`), symlink("s", out), file("s/.wh.victim")],
    end: "contained",
  },
  "an opaque mark through a symlink": {
    items: (out) => [dir(`.${out}`), symlink("s", out), file("s/.wh..wh..opq")],
    end: "contained",
  },
  "removal of a directory through a symlink": {
    items: (out) => [dir(`.${out}/sub`), symlink("s", out), file("s/sub")],
    end: "contained",
  },
  "a file over a symlink to a file": {
    items: (out) => [symlink("s", `${out}/victim`), file("./s", "new", { mode: 0o777, uid: 9 })],
    end: "harmless",
  },
  "a directory over a symlink to a directory": {
    items: (out) => [symlink("s", out), dir("s/", { mode: 0o777, uid: 9, mtime: 7 })],
    end: "harmless",
  },
  "an absolute hard link": { items: (out) => [hardlink("h", `${out}/victim`, { mode: 0o777 })], end: "refused" },
  "a hard link with ..": { items: () => [hardlink("h", "../outside/victim", { mode: 0o777 })], end: "refused" },
  "a hard link through a symlink": {
    items: (out) => [symlink("s", out), hardlink("h", "s/victim", { mode: 0o777 })],
    end: "refused",
  },
  "a hard link to a symlink, with a mode and a time": {
    items: (out) => [symlink("s", `${out}/victim`), hardlink("h", "s", { mode: 0o777, uid: 9, mtime: 7 })],
    end: "harmless",
  },
  "a hard link to a symlink, by a text that leads to a file": {
    items: (out) => [
      ...[dir("real/"), dir("real/sub/"), file("real/b"), symlink("a", "real/sub"), symlink("b", `${out}/victim`)],
      hardlink("h", "a/../b", { mode: 0o4777, mtime: 7 }),
    ],
    end: "refused",
  },
  "a hard link to a symlink, by a text with a slash behind it": {
    items: (out) => [dir(`.${out}`), symlink("s", out), hardlink("h", "s/", { mode: 0o777, mtime: 7 })],
    end: "contained",
  },
  "a symlink in place of a directory, whose time comes at the end": {
    items: (out) => [dir("d/", { mtime: 7 }), symlink("/d", out)],
    end: "refused",
  },
  "a symlink in place of a directory that was used before": {
    items: (out) => [dir(`.${out}`), dir("d/"), file("d/a"), symlink("/d", out), file("d/victim", "new")],
    end: "contained",
  },
  "a symlink in place of a directory above one that was used before": {
    items: (out) => [dir(`.${out}/sub`), file("d/sub/a"), symlink("/d", out), file("d/sub/victim", "new")],
    end: "contained",
  },
  "a device and a fifo through a symlink": {
    items: (out) => [dir(`.${out}`), symlink("s", out), char("s/c", 1, 3), fifo("s/p")],
    end: "contained",
  },
  "the process's own root through /proc": {
    items: () => [symlink("s", "/proc/self/root/etc"), file("s/ovl-was-here")],
    end: "refused",
  },
};

/** Applies an attempt to a layer beside the directory `outside`, which it must leave alone. */
function attempt({ items }: Attempt, strict: boolean): ApplySummary {
  using place = scratch("escape", 2 ** 26);
  const outside = place.dir("outside");
  place.dir("outside", "sub");
  writeFileSync(place.join("outside", "victim"), "old");
  writeFileSync(place.join("outside", "sub", "file"), "old");
  const layer = place.dir("layer");
  const surroundings = () => new Map([...readTree(place.path)].filter(([path]) => !path.startsWith("layer")));
  const before = surroundings();
  try {
    return applyTo(layer, items(outside, "../".repeat(12)), { strict });
  } finally {
    assert.deepEqual(surroundings(), before);
  }
}

describe("what reaches out of a layer", { skip: oracle("root", "getfattr") }, () => {
  for (const [title, one] of Object.entries(ATTEMPTS)) {
    it(`changes nothing outside: ${title}`, () => {
      switch (one.end) {
        case "contained":
          assert.deepEqual(
            attempt(one, false).warnings.map(({ code }) => code),
            ["PATH_ESCAPE"],
          );
          assert.throws(() => attempt(one, true), { code: "PATH_ESCAPE", exit: 4 });
          break;
        case "harmless":
          assert.deepEqual(attempt(one, true).warnings, []);
          break;
        case "refused":
          assert.throws(() => attempt(one, false), { code: "BAD_TAR" });
          assert.throws(() => attempt(one, true), { code: /^(BAD_TAR|PATH_ESCAPE)$/ });
          break;
      }
    });
  }
});
