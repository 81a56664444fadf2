/** `ovl fsck` as users and scripts meet it: its shape, its status, and that it leaves everything as it was. */
import assert from "node:assert/strict";
import { lstatSync, mkdirSync, readdirSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { copyRoot } from "../support/copy-root.js";
import { oracle } from "../support/oracles.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { run } from "../support/run.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { buildRoot, examine } from "./root.js";

interface Report {
  readonly ok: boolean;
  readonly checked: Readonly<Record<string, number>>;
  readonly problems: readonly Readonly<Record<string, unknown>>[];
}

/** Every inode's times; of symlinks not that of access, which reading their target changes. */
function times(root: string): string[] {
  const names = ["", ...readdirSync(root, { recursive: true, encoding: "utf8" }).sort()];
  return names.map((name) => {
    const { mtimeNs, ctimeNs, atimeNs, mode } = lstatSync(join(root, name), { bigint: true });
    const isOurs = (Number(mode) & 0o170000) === 0o100000;
    return `${name} ${mtimeNs} ${ctimeNs} ${isOurs ? atimeNs : ""}`;
  });
}

describe("ovl fsck", () => {
  let work: Scratch;
  let sound: string;
  before(async () => {
    work = scratch("fsck-cli", 0);
    sound = work.join("sound");
    await buildRoot(sound);
  });
  after(() => work[Symbol.dispose]());

  it("ends with 0 on a sound root, and says what it looked at", async () => {
    const { status, json } = await ovlJson<Report>(["fsck", "--root", sound]);
    assert.equal(status, 0);
    assert.deepEqual(Object.keys(json), ["ok", "checked", "problems"]);
    assert.deepEqual(Object.keys(json.checked), ["images", "layers", "containers", "files", "bytes"]);
    assert.deepEqual([json.ok, json.checked["images"], json.checked["containers"]], [true, 3, 1]);
    assert.match(
      (await ovl(["fsck", "--root", sound])).stdout,
      /^3 images, 6 layers, 1 container checked: no problems\n$/,
    );
  });

  it("ends with 1 on a damaged one, plans without writing, mends, and ends with 0", async () => {
    const root = copyRoot(sound, work.join("damaged"));
    const { layer, overlay2 } = await examine(root);
    const link = join(overlay2, "l", layer.link);
    unlinkSync(link);
    const before = times(root);
    for (const args of [["fsck"], ["fsck", "--repair", "--dry-run"]]) {
      const { status, json } = await ovlJson<Report>([...args, "--root", root]);
      assert.equal(status, 1);
      const [problem] = json.problems;
      assert.deepEqual(Object.keys(problem ?? {}), [
        ...["code", "severity", "subject", "path", "message", "bytes", "repair", "repaired"],
      ]);
      assert.deepEqual([problem?.["code"], problem?.["path"], problem?.["repaired"]], ["LINK_MISSING", link, false]);
    }
    assert.deepEqual(times(root), before);
    assert.equal((await ovl(["fsck", "-q", "--root", root])).stdout, `${link}\n`);
    const mended = await ovl(["fsck", "--repair", "--root", root]);
    assert.equal(mended.status, 0, mended.stderr);
    assert.match(mended.stdout, /repaired: made again\n.*no problems left, 1 repaired\n$/);
    assert.equal((await ovl(["fsck", "--root", root])).status, 0);
  });

  it("refuses flags that mean nothing, and roots of another kind", async () => {
    assert.equal((await ovl(["fsck", "--dry-run", "--root", sound])).status, 2);
    assert.equal((await ovl(["fsck", "--source", "x", "--root", sound])).status, 2);
    const podman = work.dir("podman");
    mkdirSync(join(podman, "overlay-images"));
    assert.equal((await ovl(["fsck", "--root", podman])).status, 4);
    assert.equal((await ovl(["fsck", "--root", work.join("absent")])).status, 3);
  });

  it("never follows a symlink out of the root", async () => {
    const root = copyRoot(sound, work.join("linked"));
    const outside = work.dir("outside");
    writeFileSync(join(outside, "link"), "OUTSIDE");
    symlinkSync(outside, join(root, "overlay2", "e".repeat(64)));
    const { json } = await ovlJson<Report>(["fsck", "--repair", "--root", root]);
    assert.deepEqual(
      json.problems.map(({ code, repaired }) => [code, repaired]),
      [["STRAY_IN_DRIVER", true]],
    );
    assert.deepEqual(readdirSync(outside), ["link"]);
  });

  it("works on a read-only mount", { skip: oracle("root") }, async () => {
    const mount = work.dir("mount");
    assert.equal((await run("mount", ["--bind", sound, mount])).status, 0);
    try {
      assert.equal((await run("mount", ["-o", "remount,bind,ro", mount])).status, 0);
      const { status, stdout } = await ovl(["fsck", "--deep", "--root", mount]);
      // Layers of this root have no tar to be rebuilt to.
      assert.equal(status, 1);
      assert.match(stdout, /TAR_SPLIT_CORRUPT/);
      assert.equal((await ovl(["fsck", "--root", mount])).status, 0);
    } finally {
      await run("umount", [mount]);
    }
  });
});
