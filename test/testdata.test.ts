/** What is committed in testdata/ is what its scripts make, and ovl says of dockerd's root what docker said. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { archives } from "../testdata/images.js";
import { oracle } from "./support/oracles.js";
import { ovl, ovlJson } from "./support/ovl.js";
import { repoPath } from "./support/repo.js";
import { runOk } from "./support/run.js";
import { type Scratch, scratch } from "./support/tmp.js";

interface DockerSaid {
  readonly listed: readonly string[];
  readonly images: readonly unknown[];
  readonly history: Readonly<Record<string, readonly DockerStep[]>>;
}

interface DockerStep {
  readonly ID: string;
  readonly CreatedAt: string;
  readonly CreatedBy: string;
  readonly Comment: string;
  readonly Size: string;
}

interface OvlStep {
  readonly imageId: string | null;
  readonly created: string;
  readonly createdBy: string;
  readonly comment: string;
  readonly size: number;
}

describe("the committed archives", () => {
  for (const [name, bytes] of archives()) {
    it(`${name} is made again byte for byte by npm run testdata`, () => {
      assert.ok(readFileSync(repoPath("testdata", name)).equals(bytes), "run `npm run testdata`");
    });

    it(`${name} verifies`, async () => {
      const { status, stdout, stderr } = await ovl(["verify", repoPath("testdata", name)]);
      assert.equal(status, 0, stdout + stderr);
    });
  }
});

describe("the root that dockerd wrote", { skip: oracle("root", "gnu-tar") }, () => {
  const said = JSON.parse(readFileSync(repoPath("testdata/dockerd-root.json"), "utf8")) as DockerSaid;
  let dir: Scratch;
  let root: string;

  before(async () => {
    dir = scratch("dockerd-root");
    root = dir.dir("root");
    const options = ["--xattrs", "--xattrs-include=*", "--numeric-owner"];
    await runOk("tar", [...options, "-xzpf", repoPath("testdata/dockerd-root.tar.gz"), "-C", root]);
  });
  after(() => dir[Symbol.dispose]());

  it("verifies, every image of it", async () => {
    const { status, json } = await ovlJson<{ ok: boolean; targets: unknown[] }>(["verify", "--all", "--root", root]);
    assert.equal(status, 0, JSON.stringify(json));
    assert.equal(json.ok, true);
    assert.ok(json.targets.length > said.images.length, "intermediate images of the builds are verified, too");
  });

  it("lists as docker listed it", async () => {
    const { stdout } = await ovl(["images", "--no-trunc", "--root", root]);
    const rows = stdout.trimEnd().split("\n").slice(1);
    const listed = rows.map((row) => row.split(/\s{2,}/)).map(([name, tag, id]) => `${name}:${tag} ${id}`);
    assert.deepEqual(listed.sort(), [...said.listed].sort());
  });

  it("inspects as docker inspected it", async () => {
    const ids = said.images.map((image) => (image as { Id: string }).Id);
    const { json } = await ovlJson(["inspect", ...ids, "--root", root]);
    const here = JSON.stringify(said.images).replaceAll("/var/lib/docker", root);
    assert.deepEqual(json, JSON.parse(here));
  });

  it("has the history that docker told", async () => {
    for (const [id, steps] of Object.entries(said.history)) {
      const { json } = await ovlJson<{ history: OvlStep[] }>(["history", id, "--root", root]);
      const told = json.history.map((step) => ({
        ID: step.imageId ?? "<missing>",
        CreatedAt: `${step.created.slice(0, 19)}Z`,
        CreatedBy: step.createdBy,
        Comment: step.comment,
        Size: String(step.size),
      }));
      const expected = steps.map(({ ID, CreatedAt, CreatedBy, Comment, Size }) => ({
        ...{ ID, CreatedAt, CreatedBy, Comment, Size },
      }));
      assert.deepEqual(told, expected, id);
    }
  });
});
