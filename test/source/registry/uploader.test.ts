/** Blobs into a registry whose connections break, and which forgets what it was sent. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { OvlError } from "../../../src/errors.js";
import type { Digest } from "../../../src/model/digest.js";
import { parseReference } from "../../../src/model/reference.js";
import { fileBlob, memoryBlob } from "../../../src/source/registry/blob-parts.js";
import type { RegistryOptions } from "../../../src/source/registry/options.js";
import { RegistryUploader } from "../../../src/source/registry/uploader.js";
import { sha256 } from "../../support/image-builder.js";
import { type Scratch, scratch } from "../../support/tmp.js";
import { IMPATIENT, SECRETS, USER } from "./pulling.js";

const bytes = randomBytes(9_000_000);
const digest = sha256(bytes) as Digest;

/** Uploads as distribution has them: bytes that have come stay, also those of a request that broke. */
class UploadServer {
  readonly seen: {
    method: string;
    url: string;
    authorization: string | undefined;
    length: number;
    range: string | undefined;
  }[] = [];
  readonly blobs = new Map<string, Buffer>();
  readonly #uploads = new Map<string, Buffer[]>();
  /** Bytes after which the next PATCH requests break. */
  cuts: number[] = [];
  /** Answers to the next finishing requests that get lost. */
  lost = 0;
  /** Milliseconds that it takes to answer a PATCH and a PUT. */
  thinks = 0;
  /** Uploads that are forgotten when they break. */
  forgets = false;
  /** Where uploads go on: another origin; null: here. */
  elsewhere: string | null = null;
  /** Bytes that it says it has after a PATCH, and keeps, where these are fewer than it was sent. */
  keeps = Number.POSITIVE_INFINITY;
  /** Bytes after which the next PATCH is not read any further. */
  stalls: number | null = null;
  /** Bytes of an upload that are left when the next PATCH comes; null: all. */
  losesAt: number | null = null;
  /** Statuses of its successes, of a PATCH and of a PUT. */
  statuses: [patch: number, put: number] = [202, 201];
  /** Most bytes of a request with a range. */
  ranges = Number.POSITIVE_INFINITY;
  /** Told when a PATCH begins. */
  onPatch = () => {};
  readonly server = createServer((request, response) => this.#answer(request, response));

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  #answer(request: IncomingMessage, response: ServerResponse): unknown {
    const { method = "", url = "", headers } = request;
    const length = Number(headers["content-length"] ?? 0);
    this.seen.push({ method, url, authorization: headers.authorization, length, range: headers["content-range"] });
    const { pathname, searchParams } = new URL(url, "http://x");
    const send = (status: number, more: Record<string, string> = {}) =>
      response.writeHead(status, { "content-length": "0", ...more }).end();
    const isOpen = pathname === "/v2/" || pathname.startsWith("/elsewhere/");
    if (!isOpen && headers.authorization === undefined) return send(401, { "www-authenticate": 'Basic realm="x"' });
    if (method === "HEAD") {
      const blob = this.blobs.get(pathname.slice(pathname.lastIndexOf("/") + 1));
      return blob === undefined ? send(404) : send(200, { "content-length": String(blob.length) });
    }
    if (method === "POST") {
      const id = String(this.#uploads.size);
      this.#uploads.set(id, []);
      return send(202, { location: this.#location(id) });
    }
    const id = pathname.slice(pathname.lastIndexOf("/") + 1);
    const upload = this.#uploads.get(id);
    if (upload === undefined) return send(pathname === "/v2/" ? 200 : 404);
    const size = () => upload.reduce((sum, { length }) => sum + length, 0);
    if (method === "DELETE") return send(this.#uploads.delete(id) ? 204 : 404);
    if (method === "GET") return send(204, { location: this.#location(id), range: `0-${Math.max(0, size() - 1)}` });
    if (method === "PUT") {
      const whole = Buffer.concat(upload);
      const wanted = searchParams.get("digest") as string;
      if (sha256(whole) !== wanted) return send(400);
      return setTimeout(() => {
        this.blobs.set(wanted, whole);
        this.#uploads.delete(id);
        return this.lost-- > 0 ? response.destroy() : send(this.statuses[1]);
      }, this.thinks);
    }
    if (this.losesAt !== null) {
      upload.splice(0, upload.length, Buffer.concat(upload).subarray(0, this.losesAt));
      this.losesAt = null;
    }
    const start = Number(/^(\d+)-/.exec(headers["content-range"] ?? "")?.[1] ?? 0);
    if (start !== size() || (start > 0 && length > this.ranges)) return send(416);
    this.onPatch();
    if (this.stalls !== null) return request.once("data", () => request.pause());
    const cut = this.cuts.shift() ?? Number.POSITIVE_INFINITY;
    let taken = 0;
    request.on("data", (chunk: Buffer) => {
      if (taken < cut) upload.push(chunk.subarray(0, cut - taken));
      taken += chunk.length;
      if (taken < cut) return;
      if (this.forgets) this.#uploads.delete(id);
      response.destroy();
    });
    return request.on("end", () => {
      if (taken >= cut) return;
      const kept = Buffer.concat(upload).subarray(0, this.keeps);
      if (this.keeps < size()) upload.splice(0, upload.length, kept);
      const [status] = this.statuses;
      const range = `0-${size() - 1}`;
      const next = status === 202 ? { location: this.#location(id) } : {};
      setTimeout(() => send(status, { ...next, range }), this.thinks);
    });
  }

  #location(id: string): string {
    return this.elsewhere === null ? `/v2/a/blobs/uploads/${id}` : `${this.elsewhere}/elsewhere/${id}`;
  }
}

describe("an upload", () => {
  let space: Scratch;
  let fd: number;
  let registry: UploadServer;

  before(() => {
    space = scratch("upload", 0);
    writeFileSync(space.join("blob"), bytes);
    fd = openSync(space.join("blob"), "r");
  });
  beforeEach(async () => {
    registry?.server.close();
    registry = new UploadServer();
    await new Promise<void>((resolve) => registry.server.listen(0, "127.0.0.1", resolve));
  });
  after(() => {
    registry.server.close();
    closeSync(fd);
    space[Symbol.dispose]();
  });

  async function upload(
    of = digest,
    { onSent, ...more }: Partial<RegistryOptions> & { onSent?: (bytes: number) => void } = {},
  ): Promise<void> {
    const reference = parseReference(`${registry.host}/a:1`);
    await using uploader = new RegistryUploader(reference, { ...IMPATIENT, credentials: USER, ...more });
    await uploader.upload(fileBlob(fd, of, bytes.length), onSent);
  }
  const large = Buffer.alloc(70 * 1024 * 1024, 7);
  async function uploadLarge(patience = IMPATIENT.patience): Promise<void> {
    const options = { ...IMPATIENT, credentials: USER, patience };
    await using uploader = new RegistryUploader(parseReference(`${registry.host}/a:1`), options);
    await uploader.upload(memoryBlob(large, sha256(large) as Digest));
  }
  const cancelled = () => registry.seen.filter(({ method }) => method === "DELETE").length;
  const arrived = () =>
    createHash("sha256")
      .update(registry.blobs.get(digest) ?? "")
      .digest("hex");
  const sent = () => registry.seen.filter(({ method }) => method === "PATCH");

  it("goes on where a connection broke", async () => {
    registry.cuts = [2_000_000, 3_000_000];
    await upload();
    assert.equal(`sha256:${arrived()}`, digest);
    assert.deepEqual(
      sent().map(({ length }) => length),
      [9_000_000, 7_000_000, 4_000_000],
    );
  });

  it("says how far it has come after all", async () => {
    registry.cuts = [5_000_000];
    const told: number[] = [];
    await upload(digest, { onSent: (sent) => told.push(sent) });
    assert.ok(told.includes(5_000_000), String(told));
    assert.equal(told.at(-1), 9_000_000);
    assert.equal(cancelled(), 0);
  });

  it("goes in one request, however large it is", async () => {
    await uploadLarge();
    assert.deepEqual(
      sent().map(({ length, range }) => [length, range]),
      [[large.length, undefined]],
    );
  });

  for (const statuses of [
    [201, 201],
    [204, 202],
    [200, 204],
  ] as [number, number][]) {
    it(`is done where the registry says so by ${statuses.join(" and ")}`, async () => {
      registry.statuses = statuses;
      await upload();
      assert.equal(`sha256:${arrived()}`, digest);
      assert.equal(sent().length, 1);
    });
  }

  it("starts again where the registry takes no parts (416)", async () => {
    registry.cuts = [2_000_000];
    registry.ranges = 4_000_000;
    await upload();
    assert.equal(`sha256:${arrived()}`, digest);
    assert.deepEqual(
      sent().map(({ length }) => length),
      [9_000_000, 7_000_000, 9_000_000],
    );
    assert.equal(cancelled(), 1);
  });

  it("is given up where each connection breaks and no parts are taken", async () => {
    registry.cuts = Array.from({ length: 100 }, () => 2_000_000);
    registry.ranges = 4_000_000;
    await assert.rejects(upload(), OvlError);
    assert.ok(sent().length <= 8, String(sent().length));
  });

  it("sends again what the registry says it has not kept", async () => {
    registry.keeps = 6_000_000;
    registry.onPatch = () => {
      if (sent().length > 1) registry.keeps = Number.POSITIVE_INFINITY;
    };
    await upload();
    assert.equal(`sha256:${arrived()}`, digest);
    assert.deepEqual(
      sent().map(({ length }) => length),
      [9_000_000, 3_000_000],
    );
  });

  it("is given up where the registry takes a few bytes at a time", async () => {
    registry.onPatch = () => {
      registry.keeps = 10 * sent().length;
    };
    await assert.rejects(upload(), { code: "REGISTRY" });
    assert.ok(sent().length <= 4, String(sent().length));
    assert.equal(cancelled(), 1);
  });

  it("asks where the registry has other bytes than it should (416), and goes on there", async () => {
    registry.cuts = [4_000_000];
    registry.onPatch = () => {
      // It loses a part of what it has said that it had.
      if (sent().length === 1) registry.losesAt = 2_000_000;
    };
    await upload();
    assert.equal(`sha256:${arrived()}`, digest);
    assert.deepEqual(
      sent().map(({ range }) => range),
      [undefined, "4000000-8999999", "2000000-8999999"],
    );
  });

  it("that the registry stops to read is given up in time", async () => {
    registry.stalls = 100_000;
    const patience = { ...IMPATIENT.patience, idle: 400, tries: 2 };
    await assert.rejects(upload(digest, { patience }), { code: "NETWORK" });
  });

  it("is taken back when it is called off", async () => {
    const controller = new AbortController();
    registry.stalls = 100_000;
    registry.onPatch = () => controller.abort(new OvlError("INTERRUPTED", "stopped by SIGINT"));
    await assert.rejects(upload(digest, { signal: controller.signal }), { code: "INTERRUPTED" });
    assert.equal(cancelled(), 1);
  });

  it("starts again where the registry has forgotten it", async () => {
    registry.cuts = [2_000_000];
    registry.forgets = true;
    await upload();
    assert.equal(`sha256:${arrived()}`, digest);
    assert.deepEqual(
      sent().map(({ length }) => length),
      [9_000_000, 9_000_000],
    );
  });

  it("waits for a registry that has to put away what it was sent", async () => {
    registry.thinks = 2500;
    await uploadLarge({ ...IMPATIENT.patience, idle: 300 });
    const methods = registry.seen.map(({ method }) => method);
    assert.deepEqual(methods.slice(-3), ["POST", "PATCH", "PUT"]);
  });

  it("is done where only the answer got lost", async () => {
    registry.lost = 1;
    await upload();
    assert.equal(sent().length, 1);
  });

  it("is given up where nothing gets through", async () => {
    registry.cuts = Array.from({ length: 100 }, () => 0);
    await assert.rejects(upload(), { code: "NETWORK" });
    assert.ok(sent().length <= 4, String(sent().length));
  });

  it("is refused where the bytes are not the blob's", async () => {
    await assert.rejects(upload(`sha256:${"1".repeat(64)}` as Digest), { code: "REGISTRY" });
    assert.equal(cancelled(), 1);
  });

  it("does not go on without TLS at a host that nobody has allowed", async () => {
    registry.elsewhere = "http://elsewhere.invalid";
    await assert.rejects(upload(), { code: "REGISTRY", message: /sends the upload on to http.*without TLS/ });
    assert.equal(sent().length, 0);
  });

  it("goes on at another host without telling it who we are", async () => {
    const other = new UploadServer();
    await new Promise<void>((resolve) => other.server.listen(0, "127.0.0.1", resolve));
    try {
      registry.elsewhere = `http://${other.host}`;
      // What has not begun there is not known there.
      await assert.rejects(upload(), { code: "REGISTRY" });
      assert.ok(other.seen.length > 0);
      for (const request of other.seen) {
        assert.equal(request.authorization, undefined);
        for (const secret of SECRETS) assert.equal(request.url.includes(secret), false);
      }
    } finally {
      other.server.close();
    }
  });
});
