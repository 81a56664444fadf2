/** Pulls and pushes as commands: stopped in the middle, and what they show meanwhile. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { after, before, describe, it } from "node:test";
import { type FakeRegistry, fakeRegistry } from "../source/registry/fake-registry.js";
import { expectNothing } from "../source/registry/pulling.js";
import { credentialPlaces } from "../support/credentials.js";
import { archive, dockerArchive, hex, image } from "../support/image-builder.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { repoPath } from "../support/repo.js";
import { file, layer } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

const app = image({ names: ["app:1"], layers: [layer(file("noise", randomBytes(2_000_000)))] });

describe("a registry on the command line", () => {
  let space: Scratch;
  let registry: FakeRegistry;
  let root: string;

  before(async () => {
    space = scratch("registry-command", 0);
    registry = await fakeRegistry(app);
    root = space.join("root");
    writeFileSync(space.join("app.tar"), archive(dockerArchive([app])));
    assert.equal((await ovl(["pull", space.join("app.tar"), "--root", root])).status, 0);
  });
  after(async () => {
    await registry[Symbol.asyncDispose]();
    space[Symbol.dispose]();
  });

  const env = () => credentialPlaces(space.join("nowhere"));

  /** Runs a command until `when` settles, then sends it the signal; its status and what it printed. */
  async function stopped(signal: NodeJS.Signals, args: readonly string[], when: Promise<void>) {
    const child = spawn(process.execPath, [repoPath("bin/run.js"), ...args, "--json"], {
      env: { ...process.env, ...env() },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let stdout = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString("utf8");
    });
    const closed = new Promise<number | null>((resolve) => child.on("close", resolve));
    await Promise.race([when, closed]);
    child.kill(signal);
    return { status: await closed, error: (JSON.parse(stdout) as { error: { code: string } }).error };
  }

  for (const [signal, exit, code] of [
    ["SIGINT", 130, "INTERRUPTED"],
    ["SIGTERM", 143, "TERMINATED"],
  ] as const) {
    it(`${signal} stops a pull in the middle of a layer with ${exit}, and leaves nothing in the root`, async () => {
      const halted = new Promise<void>((resolve) => {
        registry.misbehave((_, response, path) => {
          if (!path.endsWith(registry.layers[0]?.digest as string)) return false;
          response.writeHead(200).write(registry.layers[0]?.bytes.subarray(0, 500_000), () => resolve());
          return true;
        });
      });
      const target = space.join(`pulled-${signal}`);
      const { status, error } = await stopped(
        signal,
        ["pull", `${registry.host}/team/app:1`, "--root", target],
        halted,
      );
      assert.deepEqual([status, error.code], [exit, code]);
      assert.deepEqual(expectNothing(target), []);
    });
  }

  /** Takes uploads as registries do; `onPatch` may keep one waiting. */
  function takeUploads(onPatch: (response: ServerResponse) => boolean): void {
    registry.misbehave((request, response, path) => {
      const { method } = request;
      if (method === "GET" && path === "/v2/") return false;
      const location = "/v2/b/app/blobs/uploads/7";
      if (method === "HEAD" || method === "GET") response.writeHead(404).end();
      else if (method === "POST") response.writeHead(202, { location }).end();
      else if (method === "DELETE") response.writeHead(204).end();
      else if (method === "PATCH" && onPatch(response)) return true;
      else request.resume().on("end", () => response.writeHead(method === "PATCH" ? 202 : 201, { location }).end());
      return true;
    });
  }

  it("SIGINT stops a push in the middle of an upload with 130, and takes the upload back", async () => {
    const begun = new Promise<void>((resolve) => {
      takeUploads(() => {
        resolve();
        return true;
      });
    });
    const target = `${registry.host}/b/app:1`;
    const from = registry.seen.length;
    const { status, error } = await stopped("SIGINT", ["push", "app:1", target, "--root", root], begun);
    assert.deepEqual([status, error.code], [130, "INTERRUPTED"]);
    const asked = registry.seen.slice(from).map(({ method, url }) => `${method} ${url}`);
    assert.ok(asked.includes("DELETE /v2/b/app/blobs/uploads/7"), asked.join("\n"));
    const { json } = await ovlJson<{ images: { repoDigests: string[] }[] }>(["images", "--root", root]);
    assert.deepEqual(json.images[0]?.repoDigests, [], "no note of it");
  });

  it("a push of an id, or of the beginning of one, has to be told where to", async () => {
    const short = hex(app.id).slice(0, 12);
    for (const id of [app.id, hex(app.id), short, `sha256:${short}`]) {
      const { status, stderr } = await ovl(["push", id, "--root", root]);
      assert.equal(status, 2, stderr);
      assert.match(stderr, new RegExp(`${id} is an id.* ovl push ${id} NAME`));
    }
    assert.equal((await ovl(["push", "0".repeat(12), "--root", root])).status, 3, "neither a name nor an id");
    const target = space.join("named");
    for (const args of [
      ["pull", space.join("app.tar")],
      ["tag", "app:1", short],
    ]) {
      assert.equal((await ovl([...args, "--root", target])).status, 0);
    }
    // A proxy that is none: the push is on its way to Docker Hub, and does not get there.
    const named = await ovl(["push", short, "--root", target], { env: { ...env(), HTTPS_PROXY: "http://[" } });
    assert.match(named.stderr, /HTTPS_PROXY is no address/, "a name that looks like an id is a name");
  });

  it("a push forgets what the registry has not any more", async () => {
    takeUploads(() => false);
    const repositories = () => {
      const path = `${root}/image/overlay2/distribution/v2metadata-by-diffid/sha256/${hex(app.diffIds[0] as string)}`;
      const records = JSON.parse(readFileSync(path, "utf8")) as { SourceRepository: string }[];
      return records.map(({ SourceRepository }) => SourceRepository.slice(registry.host.length + 1));
    };
    for (const name of ["c/app", "d/app"]) {
      const result = await ovl(["push", "app:1", `${registry.host}/${name}:1`, "--root", root]);
      assert.equal(result.status, 0, result.stderr);
      assert.deepEqual(repositories(), [name], "what cannot be taken over from elsewhere is not there");
    }
  });

  it("a push shows each layer from packing to the end, and what became of it as data", async () => {
    takeUploads(() => false);
    const push = (...flags: string[]) => ovl(["push", "app:1", `${registry.host}/b/app:1`, "--root", root, ...flags]);
    const plain = await push("--progress", "plain", "--json");
    assert.equal(plain.status, 0, plain.stderr);
    assert.match(plain.stderr, /^\[1\/1\] [0-9a-f]{12}: pushed, 2MB in \d+\.\ds\n$/);
    const { layers } = JSON.parse(plain.stdout) as { layers: { status: string }[] };
    assert.deepEqual(
      layers.map(({ status }) => status),
      ["pushed"],
    );
    const bars = await push("--progress", "tty");
    assert.match(bars.stderr, /[0-9a-f]{12} pushed +[=━]+ +2MB/);
    assert.match(bars.stdout, /^[0-9a-f]{12}: pushed\ndigest: sha256:[0-9a-f]{64} size: \d+\n$/);
  });
});
