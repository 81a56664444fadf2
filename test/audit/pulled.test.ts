/**
 * `fsck --deep` of layers right after they were pulled: it expects what extraction makes, and finds nothing.
 *
 * OVL_RANDOM_LAYERS=2000 tries more, OVL_RANDOM_SEED=… others.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fsck } from "../../src/audit/fsck-run.js";
import { asOvlError, OvlError } from "../../src/errors.js";
import { LayerApplier } from "../../src/layer/apply.js";
import { openStore } from "../../src/store/store.js";
import { TarReader } from "../../src/tar/reader.js";
import { corpus } from "../oracle/corpus.js";
import { type RandomEntry, randomLayer, tarOf } from "../oracle/random-layer.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { pullFile } from "../support/pull.js";
import { dir, entry, fifo, file, hardlink, layer, opaque, symlink, whiteout } from "../support/tar-builder.js";
import { scratch } from "../support/tmp.js";

const RUNS = Number(process.env["OVL_RANDOM_LAYERS"] ?? 100);
const SEED = Number(process.env["OVL_RANDOM_SEED"] ?? 20);

const TRUSTED = "trusted.overlay.opaque";
/** cap_net_raw+ep as the kernel stores it: version 2, effective. */
const CAPABILITY = Buffer.from("0100000200200000000000000000000000000000", "hex");

/** Entries of one layer each. */
const LAYERS: Readonly<Record<string, readonly Uint8Array[]>> = {
  "directories implied below one that passes its group on": [
    dir("g/", { mode: 0o2755, gid: 44 }),
    file("g/i/j/f"),
    file("g/f", "", { gid: 2 ** 32 - 1 }),
    dir("g/explicit/"),
    file("g/explicit/k/f"),
  ],
  "directories implied in a root that passes its group on": [dir("/", { mode: 0o2755, gid: 44 }), file("i/j/f")],
  "directories implied behind symlinks": [
    dir("a/b/"),
    symlink("s", "a/b/../c"),
    dir("a/c/", { mode: 0o2755 }),
    symlink("t", "s/../b"),
    file("s/i/f"),
    file("t/j/f"),
  ],
  "owners that a second entry leaves as they are": [
    dir("d/", { uid: 5, gid: 6 }),
    dir("/d/", { uid: 2 ** 32 - 1, gid: 2 ** 32 - 1 }),
    file("f", "x", { uid: 5, gid: 6 }),
    hardlink("l", "f", { uid: 2 ** 32 - 1, gid: 7 }),
  ],
  "attributes of the overlay filesystem that entries have": [
    dir("opaque/", { xattrs: { [TRUSTED]: "y" } }),
    dir("other/", { xattrs: { [TRUSTED]: "n", "trusted.overlay.impure": "y" } }),
    dir("users/", { xattrs: { "user.overlay.opaque": "y" } }),
    file("file", "", { xattrs: { [TRUSTED]: "y", "user.overlay.opaque": "y" } }),
    symlink("s", "file", { xattrs: { [TRUSTED]: "y" } }),
  ],
  "opaque directories with such an attribute": [
    dir("before/", { xattrs: { [TRUSTED]: "n" } }),
    opaque("before"),
    opaque("after"),
    dir("after/", { xattrs: { [TRUSTED]: "n" } }),
  ],
  "attributes that a second entry adds to": [
    dir("d/", { xattrs: { "user.a": "1", "user.b": "1", "trusted.c": "1" } }),
    dir("/d/", { xattrs: { "user.b": "2" } }),
  ],
  "a capability that the next name of its file drops": [
    file("b", "x", { xattrs: { "security.capability": CAPABILITY, "user.kept": "1" } }),
    hardlink("b2", "b"),
  ],
  "a capability that the next name of its file brings again": [
    file("b", "x", { xattrs: { "security.capability": CAPABILITY } }),
    hardlink("b2", "b", { xattrs: { "security.capability": CAPABILITY } }),
  ],
  "capabilities of what is no file": [
    dir("d/", { xattrs: { "security.capability": CAPABILITY } }),
    dir("/d/"),
    symlink("s", "b", { xattrs: { "security.capability": CAPABILITY } }),
    hardlink("s2", "s"),
    fifo("p", { xattrs: { "security.capability": CAPABILITY } }),
    hardlink("p2", "p"),
  ],
  "a second name whose target's text does not lead to the file": [
    file("f", "x", { mtime: 5 }),
    hardlink("y", "nodir/../f", { mode: 0o755, uid: 4, mtime: 6 }),
    hardlink("z", "f/.", { mode: 0o755, uid: 4, mtime: 6 }),
  ],
  "a second name whose target's text leads elsewhere, through a symlink": [
    dir("d/e/"),
    symlink("s", "d/e"),
    file("f", "x", { mtime: 5 }),
    hardlink("y", "s/../f", { mode: 0o755, mtime: 6 }),
  ],
  "a second name of a symlink whose target's text leads through it": [
    dir("d/"),
    file("f", "x", { mtime: 5 }),
    symlink("s", "d", { mtime: 5 }),
    hardlink("h", "s/.", { mode: 0o700, mtime: 6 }),
    symlink("t", "f", { mtime: 5 }),
    file("d/t"),
    hardlink("i", "s/../t", { mode: 0o711, mtime: 6 }),
    dir("u/v/"),
    symlink("w", "u/v"),
    file("u/t"),
    hardlink("j", "w/../t", { mode: 0o711, mtime: 6 }),
  ],
  "what took the place of a directory, whose time comes last": [
    dir("d/", { mtime: 5 }),
    file("f", "x", { mtime: 6 }),
    hardlink("/d", "f", { mtime: 7 }),
    dir("e/", { mtime: 8 }),
    file("/e", "x", { mtime: 9 }),
  ],
  "directories called like whiteouts, and whiteouts of such names": [
    file("d/.wh.x/f"),
    whiteout("d/x"),
    file("d/.wh..wh..opq/f"),
    opaque("d"),
    entry("7", "e/.wh.y"),
  ],
  "set-user-id that a second name takes away": [
    file("f", "x", { mode: 0o6755 }),
    hardlink("y", "nodir/../f"),
    file("g", "x", { mode: 0o6704 }),
    hardlink("z", "nodir/../g"),
  ],
};

/** What fsck says of layers by their tars, all pulled at once: threads take longer than a hundred small layers. */
async function problemsOf(layers: readonly Uint8Array[]): Promise<Map<Uint8Array, string[]>> {
  using place = scratch("pulled", 2 ** 28);
  const root = place.join("root");
  const images = layers.map((tar, i) => image({ layers: [tar], names: [`pulled:${i}`] }));
  writeFileSync(place.join("image.tar"), archive(dockerArchive(images)));
  const pulled = await pullFile(root, place.join("image.tar"));
  if (pulled instanceof OvlError) throw pulled;
  await using store = await openStore({ root, driver: null });
  const { problems } = await fsck(store, { deep: true, jobs: 2 });
  const found = new Map<Uint8Array, string[]>();
  for (const { subject, code, message } of problems) {
    const tar = layers[images.findIndex(({ diffIds }) => diffIds[0] === subject)] ?? assert.fail(message);
    found.set(tar, [...(found.get(tar) ?? []), `${code}: ${message}`]);
  }
  return found;
}

/** The same but for content that is not where docker looks for it, as a pull warns. */
async function otherProblemsOf(layers: readonly Uint8Array[]): Promise<Map<Uint8Array, string[]>> {
  const found = [...(await problemsOf(layers))].map(([tar, problems]): [Uint8Array, string[]] => [
    tar,
    problems.filter((problem) => !/^(CONTENT_|TAR_SPLIT_CORRUPT|IRREPRODUCIBLE)/.test(problem)),
  ]);
  return new Map(found.filter(([, problems]) => problems.length > 0));
}

function isTaken(tar: Uint8Array): boolean {
  using place = scratch("pulled", 2 ** 26);
  try {
    using applier = new LayerApplier(place.path);
    const chunks: Uint8Array[] = [tar];
    const reader = new TarReader({ read: () => chunks.pop() ?? null });
    for (let one = reader.next(); one !== null; one = reader.next()) applier.apply(one, reader.payload());
    applier.finish();
    return true;
  } catch (thrown) {
    if (asOvlError(thrown).code !== "BAD_TAR") throw thrown;
    return false;
  }
}

describe("fsck --deep finds nothing in what was pulled", { skip: oracle("root", "zstd") }, () => {
  for (const [title, entries] of Object.entries(LAYERS)) {
    it(title, async () => assert.deepEqual(await problemsOf([layer(...entries)]), new Map()));
  }

  it("whatever of the corpus it was", async () => {
    const cases = [...corpus.values()].flat().filter(({ refused }) => refused === null);
    const titles = new Map(
      cases.flatMap(({ title, images }) => images.flatMap(({ layers }) => layers.map((tar) => [tar, title]))),
    );
    const found = await otherProblemsOf([...titles.keys()]);
    assert.deepEqual(
      [...found].map(([tar, problems]) => [titles.get(tar), problems]),
      [],
    );
  });

  it("of random layers", async () => {
    const layers = fc.sample(randomLayer, { numRuns: RUNS, seed: SEED });
    const entries = new Map<Uint8Array, readonly RandomEntry[]>(layers.map((entries) => [tarOf(entries), entries]));
    const taken = [...entries.keys()].filter(isTaken);
    assert.ok(taken.length > RUNS / 10, `${taken.length} of ${RUNS}`);
    const found = await otherProblemsOf(taken);
    assert.deepEqual(
      [...found].map(([tar, problems]) => [fc.stringify(entries.get(tar)), problems]),
      [],
    );
  });
});
