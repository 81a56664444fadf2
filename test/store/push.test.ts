/** Pushes to registries that let us write and not read. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { parseReference } from "../../src/model/reference.js";
import { type PushResult, push } from "../../src/store/push.js";
import { notePush } from "../../src/store/push-notes.js";
import { openStore } from "../../src/store/store.js";
import { type FakeRegistry, fakeRegistry } from "../source/registry/fake-registry.js";
import { IMPATIENT } from "../source/registry/pulling.js";
import { expectSound } from "../support/expect-sound.js";
import { archive, dockerArchive, image, sha256 } from "../support/image-builder.js";
import { pullFile } from "../support/pull.js";
import { file, layer } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

const app = image({ layers: [layer(file("one", "1")), layer(file("two", "2"))], names: ["app:1"] });

describe("a push to a registry that lets nobody read", () => {
  let work: Scratch;
  let registry: FakeRegistry;
  const blobs = new Map<string, Buffer>();
  const manifests: Buffer[] = [];

  /** An upload is its own address; a HEAD is allowed, as to whoever pushes to ECR without ecr:BatchGetImage. */
  async function answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const { method = "", url = "" } = request;
    const body = await buffer(request);
    const send = (status: number, headers: Record<string, string> = {}) => response.writeHead(status, headers).end();
    const id = path.slice(path.lastIndexOf("/") + 1);
    if (method === "HEAD") {
      const blob = blobs.get(id);
      return void (blob ? send(200, { "content-length": String(blob.length) }) : send(404));
    }
    if (method === "GET") return void send(403);
    if (method === "POST") return void send(202, { location: `${path}${blobs.size}` });
    if (path.includes("/manifests/")) {
      manifests.push(body);
      return void send(204);
    }
    if (method === "PATCH") {
      blobs.set(id, body);
      return void send(202, { location: path });
    }
    const digest = new URL(url, "http://x").searchParams.get("digest") ?? "";
    const blob = blobs.get(id) ?? Buffer.alloc(0);
    if (sha256(blob) !== digest) return void send(400);
    blobs.set(digest, blob);
    send(201);
  }

  before(async () => {
    work = scratch("push", 0);
    registry = await fakeRegistry(app);
    registry.misbehave((request, response, path) => {
      void answer(request, response, path);
      return true;
    });
    writeFileSync(work.join("app.tar"), archive(dockerArchive([app])));
    await pullFile(work.join("root"), work.join("app.tar"));
  });
  after(async () => {
    expectSound(work.join("root"));
    await registry[Symbol.asyncDispose]();
    work[Symbol.dispose]();
  });

  async function pushed(): Promise<PushResult> {
    const reference = parseReference(`${registry.host}/team/app:1`);
    await using store = await openStore({ root: work.join("root"), driver: null }, "write");
    const result = await push(store, "app:1", reference, { jobs: 1, registry: IMPATIENT });
    notePush(store, reference, result);
    return result;
  }

  it("comes to its end, and again when its layers are noted to be there", async () => {
    for (const status of ["pushed", "exists"]) {
      const { layers, digest } = await pushed();
      assert.deepEqual(
        layers.map((each) => each.status),
        [status, status],
      );
      assert.equal(sha256(manifests.pop() as Buffer), digest);
    }
  });
});
