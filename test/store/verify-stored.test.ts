import assert from "node:assert/strict";
import { renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import type { ImageId } from "../../src/model/digest.js";
import { openStore } from "../../src/store/store.js";
import { StoredVerifier } from "../../src/store/verify-stored.js";
import { ovlJson } from "../support/ovl.js";
import { pullFile } from "../support/pull.js";
import { samples } from "../support/sample-images.js";
import { scratch } from "../support/tmp.js";

const LEVELS: readonly (readonly [name: string, path: (content: string) => string])[] = [
  ["diff", (content) => content],
  ["<cache-id>", (content) => dirname(content)],
  ["overlay2", (content) => dirname(dirname(content))],
];

describe("a layer that cannot be read is never called sound", () => {
  for (const [name, pathOf] of LEVELS) {
    for (const how of ["missing", "a symlink to what it was", "a symlink to nothing"] as const) {
      it(`${name} is ${how}`, async () => {
        using work = scratch("verify-stored", 0);
        const { app, appTar } = samples(work);
        await pullFile(work.join("root"), appTar);
        await using store = await openStore({ root: work.join("root"), driver: null });
        const layer = store.layers.list().layers.find(({ parent }) => parent === null);
        assert.ok(layer);
        const content = store.driver.contentDir(layer.cacheId);
        const path = pathOf(content);
        if (how === "missing") rmSync(path, { recursive: true });
        else renameSync(path, work.join("moved"));
        if (how === "a symlink to what it was") symlinkSync(work.join("moved"), path);
        if (how === "a symlink to nothing") symlinkSync("nowhere", path);

        await using damaged = await openStore({ root: work.join("root"), driver: null });
        await using verifier = new StoredVerifier(damaged, { jobs: 1 });
        const { ok, layers, problems } = await verifier.verify(app.id as ImageId);
        assert.equal(ok, false);
        assert.equal(layers[0]?.ok, false);
        const [problem] = problems;
        assert.deepEqual([problem?.code, problem?.subject], ["BAD_ROOT", content]);
        assert.match(problem?.message ?? "", how === "missing" ? /is missing/ : /symbolic link/);
      });
    }
  }
});

describe("verify --all never calls sound what it cannot see", () => {
  it("images behind a symlink", async () => {
    using work = scratch("verify-stored", 0);
    const { appTar } = samples(work);
    const root = work.join("root");
    await pullFile(root, appTar);
    const content = join(root, "image/overlay2/imagedb/content/sha256");
    renameSync(content, work.join("moved"));
    symlinkSync(work.join("moved"), content);
    const { status, json } = await ovlJson<Failed>(["verify", "--all", "--root", root]);
    assert.deepEqual([status, json.error.code], [4, "BAD_ROOT"]);
  });

  it("an image that only its names are left of", async () => {
    using work = scratch("verify-stored", 0);
    const { app, twoTar } = samples(work);
    const root = work.join("root");
    await pullFile(root, twoTar);
    rmSync(join(root, "image/overlay2/imagedb/content/sha256", app.id.slice("sha256:".length)));
    const { status, json } = await ovlJson<Verified>(["verify", "--all", "--root", root]);
    assert.deepEqual([status, json.ok], [1, false]);
    const failed = json.targets.filter(({ ok }) => !ok).map(({ target, problems }) => [target, problems[0]?.code]);
    assert.deepEqual(failed, [[app.id, "NOT_FOUND"]]);
    assert.equal(json.targets.length, 2);
  });
});

interface Failed {
  readonly error: { readonly code: string };
}

interface Verified {
  readonly ok: boolean;
  readonly targets: readonly {
    readonly target: string;
    readonly ok: boolean;
    readonly problems: readonly { readonly code: string }[];
  }[];
}
