/** What people see: `ovl images` and `ovl history` print what the docker client prints on the same root. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startDockerd } from "../support/dockerd.js";
import { oracle } from "../support/oracles.js";
import { ovl } from "../support/ovl.js";
import { samples } from "../support/sample-images.js";
import { scratch } from "../support/tmp.js";

/**
 * Without docker's blanks at line ends, and with the rows of an image, whose order docker leaves to chance, in order.
 */
const rows = (text: string) =>
  text
    .split("\n")
    .map((line) => line.trimEnd())
    .sort();

describe("beside the docker client", { skip: oracle("root", "dockerd") }, () => {
  it("tables, identifiers and lines of removal are the same", async () => {
    using dir = scratch("columns");
    const { twoTar, app } = samples(dir);
    const root = dir.join("root");
    await using daemon = await startDockerd(root);
    await daemon.dockerOk(["load", "-i", twoTar]);
    await daemon.dockerOk(["tag", "app:1", "registry.example.com:5000/a/rather/long/name/of/an/app:v1.2.3"]);
    // While the daemon runs: questions lock nothing.
    for (const args of [
      ["images"],
      ["images", "--digests"],
      ["images", "--no-trunc"],
      ["images", "app"],
      ["images", "--filter", "reference=*/*/other"],
      ["images", "--filter", "dangling=true"],
      ["history", "app:1"],
      ["history", "--no-trunc", "app:1"],
      ["history", "-q", "app:1"],
    ]) {
      const docker = await daemon.dockerOk(args);
      const ours = await ovl([...args, "--root", root]);
      assert.equal(ours.status, 0, ours.stderr);
      assert.deepEqual(rows(ours.stdout), rows(docker), args.join(" "));
    }
    const dry = await ovl(["rmi", "--dry-run", "--force", app.id, "--root", root]);
    const refused = await ovl(["rmi", "app:1", "--root", root]);
    assert.equal(refused.status, 5);
    assert.match(refused.stderr, /^ovl: .* is held by a live dockerd/);
    const done = await daemon.dockerOk(["rmi", "--force", app.id]);
    assert.deepEqual(rows(dry.stdout), rows(done));
  });
});
