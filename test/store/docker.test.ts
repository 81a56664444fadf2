/** What ovl says of a root and what it removes from one, beside dockerd's own answers on the same root. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { imageHistory } from "../../src/store/history.js";
import { listImages } from "../../src/store/images.js";
import { inspectImage } from "../../src/store/inspect.js";
import { pruneImages } from "../../src/store/prune.js";
import { removeImages } from "../../src/store/remove.js";
import { resolveImage } from "../../src/store/resolve.js";
import { openStore } from "../../src/store/store.js";
import { tagImage } from "../../src/store/tag.js";
import { type Dockerd, startDockerd } from "../support/dockerd.js";
import { expectSound } from "../support/expect-sound.js";
import { oracle } from "../support/oracles.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { makeDockerRoot } from "./docker-root.js";

const skip = oracle("root", "dockerd");

describe("a root that dockerd wrote", { skip }, () => {
  let work: Scratch;
  let original: string;
  before(async () => {
    if (skip) return;
    work = scratch("store-docker", 0);
    original = work.join("original");
    await makeDockerRoot(original);
  });
  after(() => work?.[Symbol.dispose]());

  function copy(name: string): string {
    const path = work.join(name);
    assert.equal(spawnSync("cp", ["-a", original, path]).status, 0);
    return path;
  }

  test("passes our own idea of a sound root", () => expectSound(original));

  test("is listed, inspected and told the history of as dockerd does it", async () => {
    const root = copy("read");
    await using dockerd = await startDockerd(root);
    await using store = await openStore({ root, driver: null });
    assert.equal(store.daemonRunning, true);
    const docker = await dockerImages(dockerd, ["-a"]);
    const ours = listImages(store, { all: true });
    assert.deepEqual(ours.warnings, []);
    assert.deepEqual(ours.images.map(({ id }) => id).sort(), [...new Set(docker.map(({ id }) => id))].sort());
    assert.deepEqual(rows(listImages(store)), names(await dockerImages(dockerd, [])));
    assert.deepEqual(
      rows(listImages(store, { dangling: true })),
      names(await dockerImages(dockerd, ["--filter", "dangling=true"])),
    );
    assert.deepEqual(
      rows(listImages(store, { references: ["a?p", "*/app"] })),
      names(await dockerImages(dockerd, ["--filter", "reference=a?p", "--filter", "reference=*/app"])),
    );
    for (const { id } of ours.images) {
      const [inspected] = JSON.parse(await dockerd.dockerOk(["inspect", id])) as unknown[];
      const { inspect, warnings } = inspectImage(store, resolveImage(store, id));
      assert.deepEqual(warnings, []);
      assert.deepEqual(inspect, inspected);
      assert.equal(JSON.stringify(inspect), JSON.stringify(inspected), "keys are in docker's order");
      const history = (await dockerd.dockerOk(["history", "--no-trunc", "--human=false", "--format", "{{json .}}", id]))
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, string>);
      const steps = imageHistory(store, resolveImage(store, id)).history;
      assert.deepEqual(
        steps.map((step) => [step.imageId ?? "<missing>", step.createdBy, step.comment, String(step.size)]),
        history.map((step) => [step["ID"], step["CreatedBy"], step["Comment"], step["Size"]]),
      );
    }
    await assert.rejects(openStore({ root, driver: null }, "write"), { code: "DAEMON_RUNNING" });
    await dockerd.stop();
    await using writer = await openStore({ root, driver: null }, "write");
    assert.equal(writer.kind, "docker");
  });

  /** Each list is one life of a root: what one removal leaves the next one meets. */
  const LIVES: readonly (readonly (readonly string[])[])[] = [
    [
      ["app:1"],
      ["upper"],
      ["odd:1"],
      ["-f", "odd:1"],
      ["odd:0", "odd:2", "absent:1", "odd:3"],
      ["built:2"],
      ["-f", "built:2"],
      ["built:1"],
      ["nothing:1"],
      ["-f", "app:2", "other/app:1"],
    ],
    [
      ["id:app:1"],
      ["-f", "id:app:1"],
      ["id:upper"],
      ["-f", "id:upper"],
      ["id:odd:2"],
      ["id:odd:1"],
      ["-f", "id:odd:1"],
      ["id:built:1"],
      ["id:built:2"],
      ["id:nothing:1"],
      ["app:1", "app:2", "other/app:1"],
    ],
  ];

  test("loses to rmi what it loses to docker rmi, in the same order", async () => {
    for (const [life, removals] of LIVES.entries()) {
      const [theirs, ours] = [copy(`theirs-${life}`), copy(`ours-${life}`)];
      await using dockerd = await startDockerd(theirs);
      for (const removal of removals) {
        const what = removal.join(" ");
        const force = removal[0] === "-f";
        const targets = await resolved(original, force ? removal.slice(1) : removal);
        const docker = await dockerd.docker(["rmi", ...(force ? ["-f"] : []), ...targets]);
        await using store = await openStore({ root: ours, driver: null }, "write");
        const plan = removeImages(store, targets, { force, dryRun: true });
        const result = removeImages(store, targets, { force });
        assert.deepEqual(lines(result), docker.stdout.toString().split("\n").filter(Boolean), what);
        assert.equal(result.failures.length > 0, docker.status !== 0, `${what}: ${docker.stderr}`);
        assert.deepEqual(plan, result, what);
        assert.deepEqual(state(ours), state(theirs), what);
        expectSound(ours);
      }
    }
  });

  test("loses to prune what it loses to docker image prune", async () => {
    for (const all of [false, true]) {
      const [theirs, ours] = [copy(`theirs-${all}`), copy(`ours-${all}`)];
      await using dockerd = await startDockerd(theirs);
      // Of an image in use that has several names docker takes all but one, which is not copied.
      await dockerd.dockerOk(["rmi", "app:1", "other/app:1"]);
      const output = await dockerd.dockerOk(["image", "prune", "-f", ...(all ? ["-a"] : [])]);
      await dockerd.stop();
      await using store = await openStore({ root: ours, driver: null }, "write");
      const names = store.repositories.of(resolveImage(store, "app:2"));
      assert.equal(names.length, 3);
      const plan = pruneImages(store, { all, dryRun: true });
      const result = pruneImages(store, { all });
      assert.deepEqual(plan, result);
      assert.deepEqual(store.repositories.of(resolveImage(store, "app:2")), names);
      removeImages(store, ["app:1", "other/app:1"]);
      const printed = output.split("\n").filter((line) => /^(untagged|deleted): /.test(line));
      const ourLines = lines(result).map((line) => line.replace(/^[UD]/, (first) => first.toLowerCase()));
      // dockerd goes through a map, so its order changes from run to run.
      assert.deepEqual(ourLines.sort(), printed.sort());
      assert.match(output, new RegExp(`reclaimed space: ${result.reclaimedBytes}B`));
      assert.deepEqual(state(ours), state(theirs));
      expectSound(ours);
    }
  });

  test("takes a tag from ovl that dockerd shows with its time", async () => {
    const root = copy("tagged");
    await using store = await openStore({ root, driver: null }, "write");
    const id = resolveImage(store, "upper");
    assert.equal(tagImage(store, id, "docker.io/library/fresh"), "fresh:latest");
    assert.throws(() => tagImage(store, id, "sha256:x"), { code: "USAGE" });
    await store[Symbol.asyncDispose]();
    expectSound(root);
    await using dockerd = await startDockerd(root);
    const [inspected] = JSON.parse(await dockerd.dockerOk(["inspect", "fresh"])) as [{ Id: string }];
    assert.equal(inspected.Id, id);
    await using reader = await openStore({ root, driver: null });
    assert.deepEqual(inspectImage(reader, id).inspect, inspected);
    await dockerd.stop();
  });
});

interface DockerRow {
  readonly id: string;
  readonly name: string;
}

async function dockerImages(dockerd: Dockerd, flags: readonly string[]): Promise<DockerRow[]> {
  const format = "{{.ID}} {{.Repository}}:{{.Tag}}";
  const output = await dockerd.dockerOk(["images", "--no-trunc", "--format", format, ...flags]);
  return output
    .split("\n")
    .filter(Boolean)
    .map((line) => ({ id: line.split(" ")[0] as string, name: line.split(" ")[1] as string }));
}

function names(list: readonly DockerRow[]): string[] {
  return list.map(({ id, name }) => `${id} ${name}`).sort();
}

function rows({ images }: ReturnType<typeof listImages>): string[] {
  return images
    .flatMap(({ id, repoTags }) => (repoTags.length === 0 ? ["<none>:<none>"] : repoTags).map((tag) => `${id} ${tag}`))
    .sort();
}

function lines({ records }: ReturnType<typeof removeImages>): string[] {
  return records.map((record) => (record.kind === "untagged" ? `Untagged: ${record.name}` : `Deleted: ${record.id}`));
}

async function resolved(root: string, targets: readonly string[]): Promise<string[]> {
  await using store = await openStore({ root, driver: null });
  return targets.map((target) =>
    target.startsWith("id:") ? resolveImage(store, target.slice(3)).slice(7, 40) : target,
  );
}

/** Everything that a removal may change. */
function state(root: string): unknown {
  const image = join(root, "image/overlay2");
  const list = (path: string) => readdirSync(join(root, path)).sort();
  return {
    repositories: JSON.parse(readFileSync(join(image, "repositories.json"), "utf8")) as unknown,
    images: list("image/overlay2/imagedb/content/sha256"),
    metadata: list("image/overlay2/imagedb/metadata/sha256").map((id) => [
      id,
      list(`image/overlay2/imagedb/metadata/sha256/${id}`),
    ]),
    layers: list("image/overlay2/layerdb/sha256"),
    directories: list("overlay2"),
    links: list("overlay2/l"),
  };
}
