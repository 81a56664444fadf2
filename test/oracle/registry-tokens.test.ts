/**
 * A real registry that believes nothing but tokens, signed by a service that gives them out for the scopes asked for.
 */
import assert from "node:assert/strict";
import { createPrivateKey, sign, X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { credentialPlaces } from "../support/credentials.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { makeCertificates, type Registry, startRegistry } from "../support/registry.js";
import { file, layer } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

const app = image({ names: ["app:1"], layers: [layer(file("a", "a".repeat(100_000))), layer(file("b", "b"))] });
const user = { name: "ci", password: "s3cret-of-ci" };
const AUTH = `Basic ${Buffer.from(`${user.name}:${user.password}`).toString("base64")}`;
const SERVICE = "tokens";

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("a registry with a token service", { skip: oracle("docker-registry", "openssl") }, () => {
  let space: Scratch;
  let registry: Registry;
  let key: ReturnType<typeof createPrivateKey>;
  let certificate: string;
  /** Scopes of each token that was given out. */
  const asked: string[][] = [];
  /** Repositories of which nobody gets anything. */
  const closed = new Set<string>();

  const service = createServer(({ url = "", headers }, response: ServerResponse) => {
    const scopes = new URL(url, "http://x").searchParams.getAll("scope");
    asked.push(scopes);
    if (headers.authorization !== AUTH) return response.writeHead(401).end();
    const access = scopes.map((scope) => {
      const [type, name = "", actions = ""] = scope.split(":");
      return { type, name, actions: closed.has(name) ? [] : actions.split(",") };
    });
    return response.end(JSON.stringify({ token: token(access) }));
  });

  function token(access: object): string {
    const now = Math.floor(Date.now() / 1000);
    const header = { typ: "JWT", alg: "ES256", x5c: [certificate] };
    const times = { iat: now, nbf: now - 10, exp: now + 300 };
    const claims = { iss: SERVICE, aud: SERVICE, sub: user.name, jti: String(asked.length), access, ...times };
    const text = `${base64url(header)}.${base64url(claims)}`;
    const signature = sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
    return `${text}.${signature.toString("base64url")}`;
  }

  before(async () => {
    space = scratch("registry-tokens", 0);
    const made = await makeCertificates(space);
    key = createPrivateKey(readFileSync(made.key));
    certificate = new X509Certificate(readFileSync(made.cert)).raw.toString("base64");
    await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
    const realm = `http://127.0.0.1:${(service.address() as AddressInfo).port}/token`;
    registry = await startRegistry({ tokens: { realm, service: SERVICE, certificate: made.ca } });
    const auth = AUTH.slice("Basic ".length);
    writeFileSync(space.join("config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    writeFileSync(space.join("app.tar"), archive(dockerArchive([app])));
    await ok("pull", space.join("app.tar"), "--root", space.join("root"));
  });
  after(async () => {
    await registry?.[Symbol.asyncDispose]();
    service.close();
    space?.[Symbol.dispose]();
  });

  const env = () => credentialPlaces(space.path);
  async function ok(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await ovl(args, { env: env() });
    assert.equal(status, 0, stderr);
    return stdout;
  }
  async function push(name: string): Promise<string[]> {
    const args = ["push", "app:1", `${registry.host}/${name}`, "--root", space.join("root")];
    const { status, json, stderr } = await ovlJson<{ layers: { status: string }[] }>(args, { env: env() });
    assert.equal(status, 0, `${stderr}${JSON.stringify(json)}`);
    return json.layers.map((each) => each.status);
  }

  it("takes a push, and gives it back to a pull", async () => {
    assert.deepEqual(await push("a/app:1"), ["pushed", "pushed"]);
    assert.equal((await ok("id", `docker://${registry.host}/a/app:1`)).trim(), app.id);
    assert.deepEqual(asked.at(-1), ["repository:a/app:pull"]);
  });

  it("hands a blob from one repository to another for a token of both", async () => {
    assert.deepEqual(await push("b/app:1"), ["mounted", "mounted"]);
    assert.ok(asked.some((scopes) => scopes.join() === "repository:b/app:pull,push,repository:a/app:pull"));
  });

  it("is sent a blob that it has, where we may not look", async () => {
    closed.add("a/app").add("b/app");
    assert.deepEqual(await push("c/app:1"), ["pushed", "pushed"]);
  });

  it("says no to a repository that is closed to us: UNAUTHORIZED, without going on for ever", async () => {
    const before = asked.length;
    const { status, json } = await ovlJson<{ error: { code: string } }>(["id", `docker://${registry.host}/a/app:1`], {
      env: env(),
    });
    assert.deepEqual([status, json.error.code], [7, "UNAUTHORIZED"]);
    assert.ok(asked.length - before <= 3, String(asked.length - before));
  });
});
