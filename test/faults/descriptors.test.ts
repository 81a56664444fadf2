/** A process that may open few files: threads cannot be started, or cannot open what they need. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { it } from "node:test";
import { expectSound } from "../support/expect-sound.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { repoPath } from "../support/repo.js";
import { run } from "../support/run.js";
import { file, layer } from "../support/tar-builder.js";
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

it("a load replaces a directory that is deeper than the process has descriptors, and rmi removes one", async () => {
  using dir = scratch("descriptors", 0);
  const path = `${"p/".repeat(1500)}f`;
  const layers = [layer(file("f", "x", { pax: { path } }), file("p", "x")), layer(file("f", "x", { pax: { path } }))];
  writeFileSync(dir.join("deep.tar"), archive(dockerArchive([image({ layers, names: ["deep:1"] })])));
  for (const command of [`load -i ${dir.join("deep.tar")}`, "rmi deep:1"]) {
    const ovl = `${process.execPath} bin/run.js ${command} --root ${dir.join("root")}`;
    const { status, stderr } = await run("sh", ["-c", `ulimit -n 200; exec ${ovl}`], { cwd: repoPath() });
    assert.equal(status, 0, `${command}: ${stderr}`);
    expectSound(dir.join("root"));
  }
});
