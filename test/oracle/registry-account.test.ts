/** Who a layer was pushed as, and where it went: what dockerd and ovl note of the same pulls and pushes is the same. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { credentialPlaces } from "../support/credentials.js";
import { type Dockerd, startDockerd } from "../support/dockerd.js";
import { image, ociLayout, writeFiles } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { ovl } from "../support/ovl.js";
import { type Registry, startRegistry } from "../support/registry.js";
import { runOk } from "../support/run.js";
import { file, layer } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

const app = image({ layers: [layer(file("a", "a".repeat(200_000))), layer(file("b", "b"))] });
const user = { name: "ci", password: "s3cret <&> of ci" };

describe("what is noted of a registry", { skip: oracle("root", "dockerd", "docker-registry", "skopeo") }, () => {
  let space: Scratch;
  let daemon: Dockerd;
  before(async () => {
    space = scratch("account");
    daemon = await startDockerd(space.join("dockerd"));
  });
  after(async () => {
    await daemon?.stop();
    space?.[Symbol.dispose]();
  });

  for (const [who, options] of [
    ["nobody in particular", {}],
    ["a user", { user }],
  ] as const) {
    it(`is what dockerd notes for ${who}: pulled, pushed again, and mounted elsewhere`, async () => {
      await using registry = await startRegistry(options);
      const env = credentialPlaces(space.dir("docker"));
      const auth = Buffer.from(`${user.name}:${user.password}`).toString("base64");
      const auths = "user" in options ? { [registry.host]: { auth } } : {};
      writeFileSync(space.join("docker/config.json"), JSON.stringify({ auths }));
      await seed(registry, space.dir("layout"), auth);
      const [source, same, other] = ["team/app:1", "team/app:2", "else/where:1"].map(
        (name) => `${registry.host}/${name}`,
      );
      const root = space.join("ovl");
      const steps = [
        ["pull", source],
        ["tag", source, same],
        ["tag", source, other],
        ["push", same],
        ["push", other],
      ] as string[][];
      const both = () => [distribution(daemon.root), distribution(root)];
      for (const step of steps) {
        await daemon.dockerOk(step, { env });
        const result = await ovl([...step, "--root", root], { env });
        assert.equal(result.status, 0, result.stderr);
        const [theirs, ours] = both();
        assert.deepEqual(ours, theirs, step.join(" "));
      }
      const hmacs = [...distribution(root).values()].filter((text) => /"HMAC":"[0-9a-f]{64}"/.test(text));
      assert.equal(hmacs.length, 2, "both layers were pushed under some name");
    });
  }
});

async function seed(registry: Registry, path: string, auth: string): Promise<void> {
  const layout = writeFiles(ociLayout([app], { compress: gzipSync, suffix: "+gzip", naming: "none" }), path);
  const creds = Buffer.from(auth, "base64").toString();
  const flags = ["--dest-tls-verify=false", "--dest-creds", creds, "--format", "v2s2"];
  await runOk("skopeo", ["copy", "-q", ...flags, `oci:${layout}`, `docker://${registry.host}/team/app:1`]);
}

/** Content of every file below `distribution/`, by path. */
function distribution(root: string): Map<string, string> {
  const base = join(root, "image/overlay2/distribution");
  const files = readdirSync(base, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath ?? entry.path, entry.name)).sort();
  return new Map(paths.map((path) => [path.slice(base.length), readFileSync(path, "utf8")]));
}
