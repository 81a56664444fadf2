/** Tokens instead of passwords: OAuth2 identity tokens, tokens that end in the middle of the work, several scopes. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { OvlError } from "../../../src/errors.js";
import { type Digest, sha256 } from "../../../src/model/digest.js";
import { parseReference } from "../../../src/model/reference.js";
import { memoryBlob } from "../../../src/source/registry/blob-parts.js";
import { RegistryUploader } from "../../../src/source/registry/uploader.js";
import { credentialPlaces, withEnvironment } from "../../support/credentials.js";
import { image } from "../../support/image-builder.js";
import { file, layer } from "../../support/tar-builder.js";
import { type Scratch, scratch } from "../../support/tmp.js";
import { type FakeRegistry, fakeRegistry, sendBlob } from "./fake-registry.js";
import { IMPATIENT, pullInto, USER } from "./pulling.js";

const app = image({ layers: [layer(file("noise", randomBytes(3_000_000)))] });
const IDENTITY = "identity-t0ken-of-ci";

interface Asked {
  readonly method: string;
  readonly authorization: string | undefined;
  readonly parameters: Record<string, string | string[]>;
}

/** A token service whose tokens are numbers, each of them good for what the registry lets it be good for. */
class TokenService {
  readonly asked: Asked[] = [];
  /** Answers instead of it; true: it did. */
  instead: (response: ServerResponse) => boolean = () => false;
  readonly server = createServer((request, response) => void this.#answer(request, response));

  get realm(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/token`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk as Buffer);
    const { method = "", headers, url = "" } = request;
    const form = new URLSearchParams(Buffer.concat(body).toString());
    const parameters = method === "POST" ? form : new URL(url, "http://x").searchParams;
    const read = (name: string) => (name === "scope" && method === "GET" ? parameters.getAll(name) : form.get(name));
    const all = [...new Set(parameters.keys())].map((name) => [name, read(name) ?? parameters.get(name)]);
    this.asked.push({ method, authorization: headers.authorization, parameters: Object.fromEntries(all) });
    if (this.instead(response)) return;
    const key = method === "POST" ? "access_token" : "token";
    response.end(JSON.stringify({ [key]: `token-${this.asked.length}`, refresh_token: "another", expires_in: 60 }));
  }
}

describe("a token service", () => {
  let space: Scratch;
  let registry: FakeRegistry;
  let service: TokenService;
  let turn = 0;
  let restore: () => void;

  before(() => {
    space = scratch("tokens", 0);
    restore = withEnvironment({ ...credentialPlaces(space.path), PATH: `${space.path}:${process.env["PATH"]}` });
  });
  beforeEach(async () => {
    turn += 1;
    await registry?.[Symbol.asyncDispose]();
    service?.server.close();
    registry = await fakeRegistry(app);
    service = new TokenService();
    await new Promise<void>((resolve) => service.server.listen(0, "127.0.0.1", resolve));
  });
  after(async () => {
    await registry?.[Symbol.asyncDispose]();
    service?.server.close();
    space[Symbol.dispose]();
    restore();
  });

  const pulled = (more: object = {}) =>
    pullInto(space.join(`root-${turn}`), `docker://${registry.host}/team/app:1`, { ...IMPATIENT, ...more });
  async function accepts(more: object = {}): Promise<void> {
    const result = await pulled(more);
    if (result instanceof OvlError) throw result;
  }
  const challenge = (response: ServerResponse, scope = "repository:team/app:pull") => {
    const header = `Bearer realm="${service.realm}",service="the registry",scope="${scope}"`;
    response.writeHead(401, { "www-authenticate": header }).end();
    return true;
  };
  const wants = (isGood: (token: string, path: string) => boolean) =>
    registry.misbehave((request, response, path) => {
      const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1];
      return token !== undefined && isGood(token, path) ? false : challenge(response);
    });

  const exchange: Asked = {
    method: "POST",
    authorization: undefined,
    parameters: {
      grant_type: "refresh_token",
      service: "the registry",
      client_id: "ovl",
      scope: "repository:team/app:pull",
      refresh_token: IDENTITY,
    },
  };

  it("gives a token for the identity token of docker's file, and is shown nothing else", async () => {
    const auth = Buffer.from("ci:").toString("base64");
    const auths = { [registry.host]: { auth, identitytoken: IDENTITY } };
    writeFileSync(space.join("config.json"), JSON.stringify({ auths }));
    wants(() => true);
    await accepts();
    assert.deepEqual(service.asked, [exchange]);
    assert.equal(JSON.stringify(registry.seen).includes(IDENTITY), false);
  });

  it("gives a token for the identity token that a credential helper keeps", async () => {
    const script = `#!/bin/sh\necho '{"Username":"<token>","Secret":"${IDENTITY}"}'\n`;
    writeFileSync(space.join("docker-credential-tokens"), script, { mode: 0o755 });
    writeFileSync(space.join("config.json"), JSON.stringify({ credsStore: "tokens" }));
    wants(() => true);
    await accepts();
    assert.deepEqual(service.asked, [exchange]);
  });

  it("cannot have an identity token sent on to another host", async () => {
    const auths = { [registry.host]: { identitytoken: IDENTITY } };
    writeFileSync(space.join("config.json"), JSON.stringify({ auths }));
    wants(() => true);
    service.instead = (response) => {
      const location = `http://localhost:${(service.server.address() as AddressInfo).port}/elsewhere`;
      response.writeHead(307, { location }).end();
      return true;
    };
    const result = await pulled();
    assert.ok(result instanceof OvlError);
    assert.equal(result.code, "REGISTRY");
    assert.equal(service.asked.length, 1);
    assert.equal(`${result.stack}`.includes(IDENTITY), false);
  });

  it("is asked again when a token ends in the middle of a layer, and the layer goes on where it was", async () => {
    let cut = false;
    const [noise] = registry.layers;
    registry.misbehave((request, response, path) => {
      const { authorization = "" } = request.headers;
      if (authorization !== `Bearer token-${cut ? 2 : 1}`) return challenge(response);
      if (cut || !path.endsWith(noise?.digest as string)) return false;
      cut = true;
      sendBlob(request, response, noise?.bytes as Buffer, 1_000_000);
      return true;
    });
    await accepts({ credentials: USER });
    assert.equal(service.asked.length, 2);
    const ranges = registry.seen.filter(({ url }) => url.endsWith(noise?.digest as string));
    assert.match(ranges.at(-1)?.headers.range ?? "", /^bytes=\d{5,}-$/);
  });

  it("is asked again when a token ends between the bytes of an upload and its end", async () => {
    const bytes = randomBytes(3000);
    const digest = sha256(bytes);
    const chunks: Buffer[] = [];
    registry.misbehave((request, response) => {
      const { method, headers } = request;
      const location = "/v2/b/app/blobs/uploads/7";
      const good = headers.authorization === (chunks.length < 1 ? "Bearer token-1" : "Bearer token-2");
      const body: Buffer[] = [];
      request.on("data", (chunk: Buffer) => body.push(chunk));
      request.on("end", () => {
        if (!good) return challenge(response, "repository:b/app:pull,push");
        if (method === "PATCH") chunks.push(Buffer.concat(body));
        const status = { HEAD: 404, POST: 202, PATCH: 202 }[method ?? ""] ?? 201;
        return response.writeHead(status, { location }).end();
      });
      return true;
    });
    const options = { ...IMPATIENT, credentials: USER };
    await using uploader = new RegistryUploader(parseReference(`${registry.host}/b/app:1`), options);
    await uploader.upload(memoryBlob(bytes, digest));
    assert.deepEqual(chunks, [bytes]);
    assert.equal(service.asked.length, 2);
  });

  it("that is busy for a moment is asked again when it said so", async () => {
    const times: number[] = [];
    wants(() => true);
    service.instead = (response) => {
      times.push(performance.now());
      if (times.length > 1) return false;
      response.writeHead(429, { "retry-after": "1" }).end();
      return true;
    };
    await accepts();
    assert.ok((times[1] as number) - (times[0] as number) >= 990, String(times));
  });

  it("that refuses what podman's file has says so, since no ovl login would help", async () => {
    wants(() => false);
    service.instead = (response) => {
      response.writeHead(401).end();
      return true;
    };
    const path = space.join("run/containers/auth.json");
    mkdirSync(dirname(path), { recursive: true });
    const auth = Buffer.from("ci:old").toString("base64");
    writeFileSync(path, JSON.stringify({ auths: { [registry.host]: { auth } } }));
    const result = await pulled();
    rmSync(path);
    assert.ok(result instanceof OvlError && result.code === "UNAUTHORIZED", String(result));
    assert.ok(result.message.includes(`podman login --authfile ${path} ${registry.host}`), result.message);
  });

  it("whose tokens the registry never takes is not asked for ever", async () => {
    wants(() => false);
    const result = await pulled({ credentials: USER });
    assert.ok(result instanceof OvlError && result.code === "UNAUTHORIZED", String(result));
    assert.ok(service.asked.length <= 3, String(service.asked.length));
    assert.ok(registry.seen.length <= 6, String(registry.seen.length));
  });

  it("is asked for both repositories where a blob is to be taken over from another", async () => {
    const digest = sha256("blob") as Digest;
    registry.misbehave((request, response) => {
      const { method, headers } = request;
      if (headers.authorization === undefined) return challenge(response, "repository:b/app:pull,push");
      response.writeHead(method === "POST" ? 201 : 404).end();
      return true;
    });
    const options = { ...IMPATIENT, credentials: USER };
    await using uploader = new RegistryUploader(parseReference(`${registry.host}/b/app:1`), options);
    assert.equal(await uploader.sizeOf(digest), null);
    assert.equal(await uploader.mount(digest, "a/app"), "mounted");
    assert.deepEqual(
      service.asked.map(({ parameters }) => parameters["scope"]),
      [["repository:b/app:pull,push"], ["repository:b/app:pull,push", "repository:a/app:pull"]],
    );
  });

  it("is asked once by requests that are refused together", async () => {
    wants(() => true);
    const options = { ...IMPATIENT, credentials: USER };
    await using uploader = new RegistryUploader(parseReference(`${registry.host}/team/app:1`), options);
    const sizes = await Promise.all(
      registry.layers.concat(registry.layers).map((each) => uploader.sizeOf(each.digest as Digest)),
    );
    assert.deepEqual(
      sizes,
      [...registry.layers, ...registry.layers].map(({ bytes }) => bytes.length),
    );
    assert.equal(service.asked.length, 1);
  });

  it("that allows nothing of the other repository makes an upload of what would have been taken over", async () => {
    registry.misbehave((request, response) => {
      if (request.method === "POST" && /mount=/.test(request.url ?? "")) return challenge(response);
      return false;
    });
    const options = { ...IMPATIENT, credentials: USER };
    await using uploader = new RegistryUploader(parseReference(`${registry.host}/b/app:1`), options);
    assert.equal(await uploader.mount(sha256("blob") as Digest, "a/app"), "refused");
  });
});
