/**
 * `ovl fsck --deep` of a root that dockerd wrote with the legacy overlay driver: clean as it is, then tampered with.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { FsckCode } from "../../src/audit/fsck-codes.js";
import { fsck, fsckRepair } from "../../src/audit/fsck-run.js";
import { imageChain } from "../../src/store/chain.js";
import { resolveImage } from "../../src/store/resolve.js";
import { openStore } from "../../src/store/store.js";
import { deepArchive } from "../audit/deep-root.js";
import { APP } from "../audit/root.js";
import { copyRoot } from "../support/copy-root.js";
import { startDockerd } from "../support/dockerd.js";
import { oracle } from "../support/oracles.js";
import { type Scratch, scratch } from "../support/tmp.js";

/** A tree of the base, of the layer in the middle, and the container's own directory. */
interface Paths {
  readonly base: string;
  readonly middle: string;
  readonly top: string;
  /** Of the image built on it, which nothing stands on. */
  readonly last: string;
  readonly container: string;
}

type Fault = readonly [code: FsckCode, title: string, mended: boolean, inject: (paths: Paths) => void];

const FAULTS: readonly Fault[] = [
  [
    "LOWER_ID_WRONG",
    "a container on another layer",
    true,
    ({ container }) => writeFileSync(join(container, "lower-id"), "f".repeat(64)),
  ],
  [
    "CONTENT_CHANGED",
    "a byte of a file changed",
    false,
    ({ middle }) => {
      appendFileSync(join(middle, "d/f2"), "X");
      utimesSync(join(middle, "d/f2"), 1_500_000_000, 1_500_000_000);
    },
  ],
  ["MODE_CHANGED", "a file of the base opened", true, ({ base }) => chmodSync(join(base, "hello"), 0o777)],
  ["OWNER_CHANGED", "a copied directory given away", true, ({ top }) => chownSync(join(top, "o"), 1000, 1000)],
  ["TIME_CHANGED", "a file's time", true, ({ middle }) => utimesSync(join(middle, "only/one"), 1, 1)],
  ["ENTRY_MISSING", "a file of a lower layer gone from the tree", false, ({ top }) => rmSync(join(top, "d/f3"))],
  [
    "HARD_LINK_BROKEN",
    "a file of a lower layer replaced in one tree",
    false,
    ({ last }) => {
      spawnSync("cp", ["-p", join(last, "d/f3"), join(last, "copy")]);
      renameSync(join(last, "copy"), join(last, "d/f3"));
    },
  ],
  ["FILE_ADDED", "a file planted", false, ({ middle }) => writeFileSync(join(middle, "d/planted"), "#!/bin/sh\n")],
];

describe("ovl fsck --deep of a root of the overlay driver", { skip: oracle("root", "dockerd", "setfattr") }, () => {
  let work: Scratch;
  let pristine: string;
  before(async () => {
    work = scratch("fsck-overlay");
    pristine = work.join("root");
    await using daemon = await startDockerd(pristine, "overlay");
    await daemon.dockerOk(["load", "-i", deepArchive(work)]);
    const context = work.dir("context");
    writeFileSync(join(context, "file"), "built");
    writeFileSync(join(context, "Dockerfile"), `FROM ${APP}\nCOPY file /d/\nRUN ["/hello"]\n`);
    await daemon.dockerOk(["build", "--network=none", "-t", "built:1", context]);
    await daemon.dockerOk(["create", "--name", "web", "--network=none", APP, "/hello"]);
    await daemon.stop();
  });
  after(() => work?.[Symbol.dispose]());

  async function look(root: string) {
    await using store = await openStore({ root, driver: "overlay" });
    return (await fsck(store, { deep: true, jobs: 1 })).problems;
  }

  it("finds nothing wrong with it", async () => {
    assert.deepEqual(await look(pristine), []);
  });

  FAULTS.forEach(([code, title, mended, inject], i) => {
    it(`finds ${title} as ${code}, and nothing else`, async () => {
      const root = copyRoot(pristine, work.join(`copy-${i}`));
      {
        await using store = await openStore({ root, driver: "overlay" });
        const dirsOf = (name: string) =>
          imageChain(store, resolveImage(store, name)).layers.map(({ dir }) => dir ?? "");
        const dirs = dirsOf(APP);
        const last = dirsOf("built:1").at(-1) ?? "";
        const [container] = store.users.mounts.map(({ mountId }) => join(store.driver.home, mountId ?? ""));
        inject({
          base: dirs[0] ?? "",
          middle: dirs[2] ?? "",
          top: dirs.at(-1) ?? "",
          last,
          container: container ?? "",
        });
      }
      const problems = await look(root);
      assert.deepEqual(
        problems.map((one) => one.code),
        [code],
        problems.map(({ message }) => message).join("\n"),
      );
      const { report } = await fsckRepair({ root, driver: "overlay" }, { deep: true, jobs: 1 });
      assert.equal(report.ok, mended, JSON.stringify(report.problems));
      rmSync(root, { recursive: true });
    });
  });

  it("is a root that dockerd works on", async () => {
    await using daemon = await startDockerd(pristine, "overlay");
    assert.match(await daemon.dockerOk(["run", "--rm", "--network=none", "built:1", "/hello"]), /./);
    await daemon.stop();
    assert.ok(readFileSync(join(pristine, "image/overlay/repositories.json")).length > 0);
    assert.deepEqual(await look(pristine), []);
  });
});
