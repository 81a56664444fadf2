/** Roots that are not of this kind: every question says what they are and what to use, and exits 4. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { oracle } from "../support/oracles.js";
import { ovlJson } from "../support/ovl.js";
import { run } from "../support/run.js";
import { type Scratch, scratch } from "../support/tmp.js";

interface Failure {
  readonly error: { readonly code: string; readonly message: string; readonly exit: number };
}

/** Commands that ask what is in a root. */
const QUESTIONS: readonly (readonly string[])[] = [
  ["owner", "abcdef"],
  ["which", "app:1", "/etc/passwd"],
  ["files", "app:1"],
  ["du"],
  ["waste", "app:1"],
  ["timeline", "--all"],
  ["fsck"],
];

const KINDS: readonly (readonly [what: string, paths: readonly string[], names: RegExp])[] = [
  [
    "the containerd store of Docker 29",
    ["rootfs/overlayfs", "engine-id", "buildkit", "containers", "volumes", "network"],
    /containerd image store.*docker save/,
  ],
  ["containerd's own root", ["io.containerd.content.v1.content/blobs", "io.containerd.metadata.v1.bolt"], /ctr image/],
  ["podman's storage", ["overlay", "overlay-images", "overlay-layers", "libpod"], /podman save/],
  ["a root of aufs", ["image/aufs", "aufs", "containers"], /driver aufs.*docker save/],
  ["a root of vfs", ["image/vfs", "vfs", "containers"], /driver vfs.*docker save/],
  ["a root with remapped ids", ["100000.100000/image/overlay2", "100000.100000/overlay2/l"], /--root .*100000\.100000/],
  ["somebody's files", ["Documents"], /no docker root/],
];

describe("a root of another kind", () => {
  let work: Scratch;
  before(() => {
    work = scratch("other-roots", 0);
  });
  after(() => work[Symbol.dispose]());

  async function expectRefused(root: string, names: RegExp): Promise<void> {
    const answers = QUESTIONS.map((args) => ovlJson<Failure>([...args, "--root", root]));
    for (const [i, { status, json }] of (await Promise.all(answers)).entries()) {
      const what = QUESTIONS[i]?.join(" ");
      assert.deepEqual([status, json.error.code], [4, "BAD_ROOT"], `${what}: ${json.error.message}`);
      assert.match(json.error.message, names, what);
    }
  }

  for (const [what, paths, names] of KINDS) {
    it(`is named by every question: ${what}`, async () => {
      const root = work.dir(what.replaceAll(/\W/g, "-"));
      for (const path of paths) mkdirSync(join(root, path), { recursive: true });
      if (paths.includes("engine-id")) writeFileSync(join(root, "network/id"), "");
      await expectRefused(root, names);
    });
  }

  it("is named where podman itself has made it", { skip: oracle("root", "podman") }, async () => {
    const root = work.dir("podman-made");
    const options = ["--root", root, "--runroot", work.dir("podman-run"), "--storage-driver", "overlay"];
    const made = await run("podman", [...options, "image", "ls"]);
    assert.equal(made.status, 0, made.stderr);
    await expectRefused(root, /podman save/);
    await run("umount", [join(root, "overlay")]);
  });
});
