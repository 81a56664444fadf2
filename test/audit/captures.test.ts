/** Roots of real machines that others captured, in part: fsck says what is not in order, and does not fail. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fsck, fsckRepair } from "../../src/audit/fsck-run.js";
import type { DriverName } from "../../src/driver/driver.js";
import { openStore } from "../../src/store/store.js";
import { repoPath } from "../support/repo.js";
import { scratch } from "../support/tmp.js";

const CAPTURES: readonly (readonly [driver: DriverName, containers: number])[] = [
  ["overlay2", 5],
  ["overlay", 6],
];

for (const [driver, containers] of CAPTURES) {
  const archive = repoPath(`../shared/data/docker-explorer-${driver}.tgz`);
  const skip = existsSync(archive) ? false : `needs ${archive}`;
  describe(`fsck of a captured root of ${driver}`, { skip }, () => {
    it("names what is left of a mount, in the one container that ran", async () => {
      using work = scratch("capture", 0);
      // Names of files that the capture lacks are in it as hard links.
      spawnSync("tar", ["xzf", archive, "-C", work.path]);
      await using store = await openStore({ root: work.join("docker"), driver });
      for (const deep of [false, true]) {
        const { ok, checked, problems } = await fsck(store, { deep, jobs: 1 });
        assert.equal(ok, false);
        assert.deepEqual([checked.images, checked.layers, checked.containers], [1, 1, containers]);
        assert.deepEqual(
          problems.map(({ code }) => code),
          ["MERGED_LEFT"],
          JSON.stringify(problems),
        );
        assert.match(problems[0]?.message ?? "", /a copy that was made while container [0-9a-f]{64} ran/);
      }
    });

    it("mends what a container of it has lost", async () => {
      using work = scratch("capture-repair", 0);
      spawnSync("tar", ["xzf", archive, "-C", work.path]);
      const root = work.join("docker");
      const home = join(root, driver);
      const layer = readdirSync(home).find((name) => existsSync(join(home, `${name}-init`))) as string;
      const [file, code] = driver === "overlay" ? ["lower-id", "LOWER_ID_WRONG"] : ["lower", "LOWER_WRONG"];
      const path = join(home, layer, file as string);
      const lower = readFileSync(path, "utf8");
      writeFileSync(path, "f".repeat(64));
      const { report } = await fsckRepair({ root, driver }, { deep: false, jobs: 1 });
      assert.ok(report.problems.some((problem) => problem.code === code && problem.path === path && problem.repaired));
      assert.equal(readFileSync(path, "utf8"), lower);
    });
  });
}
