/**
 * Layers applied by an ordinary user. Under root, this file runs itself again as user 65534 and reads what that made.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { OvlError } from "../../src/errors.js";
import type { ApplySummary } from "../../src/layer/apply.js";
import {
  applyTo,
  block,
  char,
  dir,
  fifo,
  file,
  hardlink,
  type Item,
  sketch,
  symlink,
} from "../support/layer-entries.js";
import { oracle } from "../support/oracles.js";
import { asOrdinaryUser, ORDINARY_USER } from "../support/ordinary-user.js";
import { scratch } from "../support/tmp.js";
import { readTree, type Tree } from "../support/tree.js";

/** cap_net_raw=p, version 2. */
const CAPABILITY = `\x00\x00\x00\x02\x00\x20${"\0".repeat(14)}`;

/** By name, since items do not pass through a command line. */
const LAYERS: Readonly<Record<string, readonly Item[]>> = {
  owners: [
    dir("d/", { uid: 5, mtime: 7 }),
    file("d/f", "x", { gid: 6, mtime: 8 }),
    file("root", "x", { mode: 0o4755 }),
    symlink("s", "f", { uid: 5 }),
  ],
  modes: [
    dir("d/", { mode: 0 }),
    file("d/f", "secret", { mode: 0 }),
    file("d/w", "w", { mode: 0o200 }),
    dir("e/", { mode: 0o555 }),
    file("e/f", "x"),
    dir("/d/", { mode: 0o1111 }),
    file("d/late", "x", { mode: 0o4111 }),
  ],
  devices: [
    char("null", 1, 3),
    block("b", 0, 0),
    hardlink("null2", "null"),
    hardlink("null3", "null2"),
    fifo("p"),
    file("null", "now a file"),
    hardlink("f", "null"),
  ].map((one, i) => (i === 5 ? { ...one, entry: { ...one.entry, name: "./null" as never } } : one)),
  whiteouts: [
    file("d/.wh.a", "", { uid: 5 }),
    file("d/.wh..wh..opq"),
    char("c", 0, 0, { mode: 0o600 }),
    hardlink("h", "d/a"),
  ],
  xattrs: [
    file("f", "x", { mode: 0o444, xattrs: { "user.a": "1", "trusted.b": "2", "security.capability": CAPABILITY } }),
    hardlink("g", "f", { mode: 0o444, xattrs: { "user.c": "4" } }),
  ],
};

interface Run {
  readonly tree: Tree;
  readonly summary: ApplySummary;
}

function asUser(layer: string): Run {
  using place = scratch("unprivileged", 2 ** 26);
  const [diff, answer] = [place.dir("diff"), place.join("answer")];
  writeFileSync(answer, "");
  chmodSync(place.path, 0o755);
  for (const path of [diff, answer]) chownSync(path, ORDINARY_USER, ORDINARY_USER);
  const self = fileURLToPath(import.meta.url);
  const { status, stderr } = spawnSync(...asOrdinaryUser(process.execPath, self, layer, diff, answer), {
    env: { PATH: process.env["PATH"] },
  });
  assert.equal(status, 0, stderr.toString());
  return { tree: readTree(diff), summary: JSON.parse(readFileSync(answer, "utf8")) as ApplySummary };
}

function child(layer: string, diff: string, answer: string): void {
  try {
    writeFileSync(answer, JSON.stringify(applyTo(diff, LAYERS[layer] ?? [])));
  } catch (error) {
    if (error instanceof OvlError) process.stderr.write(`${error.code} `);
    throw error;
  }
}

const OWN = `${ORDINARY_USER}:${ORDINARY_USER}`;

describe("a layer applied by an ordinary user", { skip: oracle("root", "getfattr") }, () => {
  it("belongs to the user, and has the modes and times of its entries", () => {
    const { tree, summary } = asUser("owners");
    assert.deepEqual(sketch(tree), {
      d: `dir 0755 ${OWN}`,
      "d/f": `file 0644 ${OWN}`,
      root: `file 4755 ${OWN}`,
      s: `symlink 0777 ${OWN} -> f`,
    });
    assert.deepEqual([tree.get("d")?.mtimeNs, tree.get("d/f")?.mtimeNs], [7_000_000_000n, 8_000_000_000n]);
    assert.deepEqual(
      summary.warnings.map(({ code, name }) => [code, name]),
      [["UNPRIVILEGED", "d/"]],
    );
    assert.match(summary.warnings[0]?.message ?? "", /owner 5:0 /);
    assert.equal(summary.warnings[0]?.count, 3);
  });

  it("can be read back by the user, whatever the modes say", () => {
    const { tree, summary } = asUser("modes");
    assert.deepEqual(sketch(tree), {
      d: `dir 1711 ${OWN}`,
      "d/f": `file 0400 ${OWN}`,
      "d/late": `file 4511 ${OWN}`,
      "d/w": `file 0600 ${OWN}`,
      e: `dir 0755 ${OWN}`,
      "e/f": `file 0644 ${OWN}`,
    });
    assert.deepEqual(
      summary.warnings.map(({ code }) => code),
      ["UNPRIVILEGED"],
    );
  });

  it("has no devices, nor hard links to them, until something else has their name", () => {
    const { tree, summary } = asUser("devices");
    assert.deepEqual(sketch(tree), { f: `file 0644 ${OWN}`, null: `file 0644 ${OWN}`, p: `fifo 0644 ${OWN}` });
    assert.deepEqual(tree.get("f")?.hardLinks, ["f", "null"]);
    assert.match(summary.warnings[0]?.message ?? "", /device/);
    assert.equal(summary.warnings[0]?.count, 4);
    assert.equal(summary.size, 10);
  });

  it("has whiteouts that stay whiteouts, and opaque directories marked as an ordinary user can", () => {
    const { tree } = asUser("whiteouts");
    assert.deepEqual(sketch(tree), {
      c: `char 0600 ${OWN} 0:0`,
      d: `dir 0755 ${OWN} user.overlay.opaque=0x79`,
      "d/a": `char 0644 ${OWN} 0:0`,
      h: `char 0644 ${OWN} 0:0`,
    });
  });

  it("has the extended attributes that a user may set", () => {
    const { tree, summary } = asUser("xattrs");
    const node = `file 0444 ${OWN} user.a=0x31`;
    assert.deepEqual(sketch(tree), { f: node, g: node });
    assert.deepEqual(
      summary.warnings.map(({ code }) => code),
      ["XATTR_IGNORED"],
    );
  });
});

const [, self, layer, diff, answer] = process.argv;
if (self === fileURLToPath(import.meta.url) && layer !== undefined && diff !== undefined && answer !== undefined) {
  child(layer, diff, answer);
}
