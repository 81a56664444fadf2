/** `fsck --deep` of layers right after they were pulled: it expects what extraction makes, and finds nothing. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fsck } from "../../src/audit/fsck-run.js";
import { OvlError } from "../../src/errors.js";
import { openStore } from "../../src/store/store.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { pullFile } from "../support/pull.js";
import { dir, fifo, file, hardlink, layer, opaque, symlink } from "../support/tar-builder.js";
import { scratch } from "../support/tmp.js";

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
  "set-user-id that a second name takes away": [
    file("f", "x", { mode: 0o6755 }),
    hardlink("y", "nodir/../f"),
    file("g", "x", { mode: 0o6704 }),
    hardlink("z", "nodir/../g"),
  ],
};

async function problemsOf(entries: readonly Uint8Array[]): Promise<string[]> {
  using place = scratch("pulled", 2 ** 26);
  const root = place.join("root");
  const tar = place.join("image.tar");
  writeFileSync(tar, archive(dockerArchive([image({ layers: [layer(...entries)], names: ["pulled:1"] })])));
  const pulled = await pullFile(root, tar, { jobs: 1, processors: 1 });
  if (pulled instanceof OvlError) throw pulled;
  await using store = await openStore({ root, driver: null });
  const { problems } = await fsck(store, { deep: true, jobs: 1 });
  return problems.map(({ code, path, message }) => `${code} ${path}: ${message}`);
}

describe("fsck --deep finds nothing in what was pulled", { skip: oracle("root") }, () => {
  for (const [title, entries] of Object.entries(LAYERS)) {
    it(title, async () => assert.deepEqual(await problemsOf(entries), []));
  }
});
