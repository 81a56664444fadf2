/** A process that may open few files: threads cannot be started, or cannot open what they need. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { expectSound } from "../support/expect-sound.js";
import { repoPath } from "../support/repo.js";
import { run } from "../support/run.js";
import { scratch } from "../support/tmp.js";

it("a load with few descriptors comes to its end or is refused by the system, and never waits for a thread", async () => {
  using dir = scratch("descriptors", 0);
  const found = new Set<number | null>();
  for (const jobs of ["1", "2"]) {
    for (const limit of [22, 26, 30, 34, 38, 42, 46, 50, 60, 70, 80, 90, 100, 120, 200]) {
      const root = dir.join(`root-${jobs}-${limit}`);
      const ovl = `${process.execPath} bin/run.js load -i testdata/multi.oci.tar --root ${root} --jobs ${jobs}`;
      const { status, stderr } = await run("sh", ["-c", `ulimit -n ${limit}; exec timeout -s KILL 60 ${ovl}`], {
        cwd: repoPath(),
      });
      const where = `${limit} descriptors, ${jobs} jobs: ${stderr}`;
      // Below some limit Node itself does not start.
      if (/ovl: |^$/.test(stderr)) assert.ok(status === 0 || status === 6, `status ${status}: ${where}`);
      found.add(status);
      if (status === 0) expectSound(root);
    }
  }
  assert.ok(found.has(0) && found.has(6), `only ${[...found]}`);
});
